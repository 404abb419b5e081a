#!/usr/bin/env python3
"""Speed as a ratio to llama.cpp's: same model file, same threads, same machine, taken in turn.

Usage: compare.py BENCH LLAMA_BENCH MODEL [rounds] [threads]
    BENCH        tests/perf/bench of the build folder
    LLAMA_BENCH  llama.cpp's llama-bench, built with the instruction sets that the machine has

Each round runs both, flash attention on and off, and takes the peer's better one. Prints min / median / max of both and of the
rounds' ratios; exit 1 where the median ratio is below the bar (docs/performance.md)."""
import json
import statistics
import subprocess
import sys

BAR = {'pp512': 0.5, 'tg128': 0.5}


def ours(bench, model, threads):
    out = subprocess.run([bench, model, threads, '2'], capture_output=True, text=True, check=True).stdout
    rates = {'pp512': [], 'tg128': []}
    for line in out.split('\n'):
        if line:
            name, rate = line.split()
            rates[name].append(float(rate))
    return {name: max(r) for name, r in rates.items()}


def theirs(bench, model, threads):
    best = {'pp512': 0.0, 'tg128': 0.0}
    for flash in ('0', '1'):
        out = subprocess.run([bench, '-m', model, '-t', threads, '-p', '512', '-n', '128', '-r', '2', '-fa', flash, '-o', 'json'],
                             capture_output=True, text=True, check=True).stdout
        for row in json.loads(out):
            name = 'pp512' if row['n_prompt'] else 'tg128'
            best[name] = max(best[name], *row['samples_ts'])
    return best


def spread(values, form):
    return ' / '.join(form % f(values) for f in (min, statistics.median, max))


def main():
    bench, peer, model = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    threads = sys.argv[5] if len(sys.argv) > 5 else '2'
    a, b = [], []
    for _ in range(rounds):
        a.append(ours(bench, model, threads))
        b.append(theirs(peer, model, threads))
    missed = False
    for name, bar in BAR.items():
        x, y = [r[name] for r in a], [r[name] for r in b]
        ratios = [p / q for p, q in zip(x, y)]
        missed = missed or statistics.median(ratios) < bar
        print(f'{name}, {threads} threads: ours {spread(x, "%.0f")}, llama.cpp {spread(y, "%.0f")} tokens/s, '
              f'ratio {spread(ratios, "%.2f")} (bar {bar})')
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
