#!/usr/bin/env python3
"""Counts test results. Appends one line `suite passed failed skipped` to a file of totals, prints it, and says what failed.

Usage: count.py TOTALS SUITE junit FILE EXIT     results of `meson test`, and its exit code
       count.py TOTALS SUITE tap LOG [EXIT]     a log with TAP lines, and the exit code of the program that wrote it
       count.py TOTALS --sum                    the sum of all suites as the last line; exit 1 if any failed or is empty"""
import re
import sys
import xml.etree.ElementTree as ElementTree


def junit(path, code):
    passed, skipped, failed = 0, 0, []
    for suite in ElementTree.parse(path).getroot().iter('testsuite'):
        for case in suite.iter('testcase'):
            name = f"{suite.get('name')}: {case.get('name')}"
            if case.find('failure') is not None or case.find('error') is not None:
                failed.append(name)
            elif case.find('skipped') is not None:
                skipped += 1
            else:
                passed += 1
    if code != 0 and not failed:
        failed.append(f'meson test ended with exit code {code}')
    return passed, skipped, failed


def tap(path, code):
    passed, skipped, failed, planned = 0, 0, [], None
    for line in open(path, encoding='utf-8', errors='replace'):
        m = re.match(r'(not )?ok\b\s*(.*)', line)
        plan = re.match(r'1\.\.(\d+)', line)
        if plan:
            planned = (planned or 0) + int(plan.group(1))
        elif m and re.search(r'#\s*skip', m.group(2), re.I):
            skipped += 1
        elif m and m.group(1):
            failed.append(m.group(2).strip())
        elif m:
            passed += 1
    seen = passed + skipped + len(failed)
    if planned != seen and seen + (planned or 0) > 0:
        failed.append(f'{"no" if planned is None else planned} tests were planned, {seen} ran')
    if code != 0 and not failed:
        failed.append(f'ended with exit code {code}')
    return passed, skipped, failed


def total(path):
    sums = [0, 0, 0]
    empty = []
    for line in open(path, encoding='utf-8'):
        suite, *counts = line.split()
        counts = [int(c) for c in counts]
        sums = [a + b for a, b in zip(sums, counts)]
        if counts[0] + counts[1] == 0:
            empty.append(suite)
    for suite in empty:
        print(f'the suite {suite} is empty')
    print(f'{sums[0]} passed, {sums[1] + len(empty)} failed, {sums[2]} skipped')
    return 1 if sums[1] or empty or not sums[0] else 0


def main():
    totals, suite = sys.argv[1:3]
    if suite == '--sum':
        return total(totals)
    if sys.argv[3] == 'junit':
        passed, skipped, failed = junit(sys.argv[4], int(sys.argv[5]))
    else:
        passed, skipped, failed = tap(sys.argv[4], int(sys.argv[5]) if len(sys.argv) > 5 else 0)
    for name in failed:
        print(f'FAILED {suite}: {name}')
    print(f'suite {suite}: {passed} passed, {len(failed)} failed, {skipped} skipped')
    with open(totals, 'a', encoding='utf-8') as f:
        f.write(f'{suite} {passed} {len(failed)} {skipped}\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
