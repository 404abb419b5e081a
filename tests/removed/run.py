#!/usr/bin/env python3
"""Removes every check of the verifier in turn, and demands that a unit test fails for want of it. Prints TAP.

    run.py BUILD_FOLDER          a build with -Dremoved_checks=true
    run.py BUILD_FOLDER --write  puts those without a case into needless.tsv, as such

Checks that may be missing without a test noticing stand in needless.tsv beside this file: file, text, and the reason.
"""
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = Path(sys.argv[1]).resolve() / 'tests' / 'removed'
LIMIT = 60  # seconds for one test program


# In this order, for what is left: the tests of forms are quick, `cases` makes its worlds once for all numbers.
QUICK = [BUILD / f'removed_{name}' for name in ('base_base', 'crypto_crypto', 'codec_x509', 'codec_bad', 'codec_json', 'tdx_tdx', 'tdx_bad_tdx', 'tdx_logs', 'evidence_evidence',
                                                'evidence_bad_evidence', 'evidence_limits', 'verify_policy')]
CASES = BUILD / 'removed_verify_cases'
SLOW = [BUILD / 'removed_tdx_limits'] + [BUILD / f'removed_verify_{name}' for name in ('anchor', 'evidence', 'demands', 'text', 'formats', 'verify', 'service')]


def run(program, **more):
    env = dict(os.environ, SOTTO_SOURCE=str(HERE.parent.parent), SOTTO_VECTORS='/nowhere', **more)
    try:
        return subprocess.run([program], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=LIMIT).returncode
    except subprocess.TimeoutExpired:
        return 124


def come_by(program):
    """The numbers of the checks that decide something in a test program; it must pass while none is removed."""
    with tempfile.NamedTemporaryFile() as trace:
        if run(program, SOTTO_REMOVED_TRACE=trace.name) != 0:
            return None
        return {int(line) for line in Path(trace.name).read_text().split()}


def ask_cases(numbers):
    answer = subprocess.run([CASES, '--removed'], input='\n'.join(map(str, numbers)), capture_output=True, text=True, check=True)
    return {int(line.split()[0]) for line in answer.stdout.splitlines() if line.endswith('noticed')}


def noticed(number, reached):
    return any(number in numbers and run(program, SOTTO_REMOVED_CHECK=str(number)) != 0 for program, numbers in reached.items())


def main():
    checks = [line.split('\t') for line in (BUILD / 'checks.tsv').read_text().splitlines()]
    needless = {tuple(line.split('\t')[:2]) for line in (HERE / 'needless.tsv').read_text().splitlines() if line}
    numbers, workers = [int(c[0]) for c in checks], os.cpu_count() or 1
    used, failed, count = set(), 0, 0
    with ThreadPoolExecutor(workers) as pool:
        programs = QUICK + [CASES] + SLOW
        reached = dict(zip(programs, pool.map(come_by, programs)))
        broken = [p.name for p, found in reached.items() if found is None]
        if broken:
            print(f'not ok 1 - no check is removed, and yet it fails: {", ".join(broken)}\n1..1')
            return 1

        def remaining(left, tried):
            answers = pool.map(lambda n: noticed(n, {p: reached[p] for p in tried}), left)
            return [n for n, answer in zip(left, answers) if not answer]

        left = remaining(numbers, QUICK)
        found = set().union(*pool.map(ask_cases, [left[i::workers] for i in range(workers)]))
        left = set(remaining([n for n in left if n not in found], SLOW))
        answers = [n not in left for n in numbers]
        for (_, file, line, _, text), answer in zip(checks, answers):
            if '--write' in sys.argv and not answer and (file, text) not in needless:
                with open(HERE / 'needless.tsv', 'a') as f:
                    f.write(f'{file}\t{text}\tno case yet\n')
                needless.add((file, text))
            excused = (file, text) in needless
            used |= {(file, text)} if excused and not answer else set()
            good = answer or excused
            failed += not good
            count += 1
            print(f'{"ok" if good else "not ok"} {count} - {file}:{line} {text}'.replace('#', ''), flush=True)
    for file, text in sorted(needless - used):
        count += 1
        failed += 1
        print(f'not ok {count} - needless.tsv: {file}: a test needs it, or it is gone: {text}')
    print(f'1..{count}')
    return failed > 0


sys.exit(main())
