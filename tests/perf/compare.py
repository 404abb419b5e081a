#!/usr/bin/env python3
"""Speed as a ratio to llama.cpp's: same model file, same threads, same machine, taken in turn.

Usage: compare.py BENCH LLAMA_BENCH MODEL [rounds] [threads [depth]]
    BENCH        tests/perf/bench of the build folder
    LLAMA_BENCH  llama.cpp's llama-bench, built with the instruction sets that the machine has
    depth        also a prefill of so many tokens, and 128 decoded behind them

Each round runs both, flash attention on and off, and takes the peer's better one. Prints min / median / max of both and of the
rounds' ratios; exit 1 where the median ratio is below the bar (docs/performance.md)."""
import json
import statistics
import subprocess
import sys

BAR = 0.5


def ours(bench, model, threads, depth):
    rates = {}
    for more in [[], ['best', 'f16', depth]] if depth else [[]]:
        out = subprocess.run([bench, model, threads, '2', *more], capture_output=True, text=True, check=True).stdout
        for line in out.splitlines():
            name, rate = line.split()
            rates[name] = max(rates.get(name, 0.0), float(rate))
    return rates


def theirs(bench, model, threads, depth):
    best = {}
    for flash in ('0', '1'):
        for more in [['-p', f'512,{depth}', '-n', '128'], ['-p', '0', '-n', '128', '-d', depth]] if depth else [['-p', '512', '-n', '128']]:
            out = subprocess.run([bench, '-m', model, '-t', threads, '-r', '2', '-fa', flash, '-o', 'json', *more],
                                 capture_output=True, text=True, check=True).stdout
            for row in json.loads(out):
                name = f'pp{row["n_prompt"]}' if row['n_prompt'] else f'tg{row["n_gen"]}'
                name += f'@{row["n_depth"]}' if row['n_depth'] else ''
                best[name] = max(best.get(name, 0.0), *row['samples_ts'])
    return best


def spread(values, form):
    return ' / '.join(form % f(values) for f in (min, statistics.median, max))


def main():
    bench, peer, model = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    threads = sys.argv[5] if len(sys.argv) > 5 else '2'
    depth = sys.argv[6] if len(sys.argv) > 6 else None
    a, b = [], []
    for _ in range(rounds):
        a.append(ours(bench, model, threads, depth))
        b.append(theirs(peer, model, threads, depth))
    missed = False
    for name in a[0]:
        x, y = [r[name] for r in a], [r[name] for r in b]
        ratios = [p / q for p, q in zip(x, y)]
        missed = missed or statistics.median(ratios) < BAR
        print(f'{name}, {threads} threads: ours {spread(x, "%.0f")}, llama.cpp {spread(y, "%.0f")} tokens/s, '
              f'ratio {spread(ratios, "%.2f")} (bar {BAR})')
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
