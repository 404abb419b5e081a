#!/usr/bin/env python3
"""Sizes and slips that a machine can see: long functions, long files, deep complexity, things left open, words that do not belong here.

Prints one line a fault, and the counts; exit 1 if there is a fault."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FUNCTION_MAX = 100
FILE_MAX = 1000
COMPLEXITY_MAX = {'codec': 15, 'tdx': 15, 'verify': 15, 'evidence': 15, 'model': 25}
COMPLEXITY_ELSE = 25
EXEMPT = re.compile(r'^src/(engine/kernels/|model/unicode_tables|base/reasons\.h)')
OPEN = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')
REGISTRIES = re.compile(r'(npmjs\.' r'org|pypi\.' r'org|python' r'hosted\.org|debian\.' r'org/debian|crates\.' r'io|proxy\.golang\.' r'org)')


def tracked():
    out = subprocess.run(['git', '-C', ROOT, 'ls-files', '-z'], capture_output=True, check=True).stdout.decode()
    return [p for p in out.split('\0') if p and os.path.isfile(os.path.join(ROOT, p))]


def blank_strings(text):
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|/\*.*?\*/|//[^\n]*',
                  lambda m: re.sub(r'[^\n]', ' ', m.group(0)), text, flags=re.S)


def functions(text):
    """(name, first line, lines, complexity) of each function: a brace alone in the first column opens one."""
    lines = blank_strings(text).split('\n')
    start = None
    for n, line in enumerate(lines):
        if line == '{':
            start = n
        elif line == '}' and start is not None:
            body = '\n'.join(lines[start:n + 1])
            head = ''
            k = start - 1
            while k >= 0 and lines[k].strip() and not lines[k].startswith(('}', '#')):
                head = lines[k] + ' ' + head
                k -= 1
            m = re.search(r'(\w+)\s*\(', head)
            paths = len(re.findall(r'\b(if|for|while|case)\b|&&|\|\||\?', body))
            # A run of one condition that ends in an error is a list, not a maze: && and || count half.
            joins = len(re.findall(r'&&|\|\|', body))
            yield (m.group(1) if m else '?', start, n - start - 1, 1 + paths - joins + joins // 4)
            start = None


def main():
    faults = []
    counts = {'files': 0, 'functions': 0, 'lines': 0}
    longest = (0, '')
    for path in tracked():
        try:
            text = open(os.path.join(ROOT, path), encoding='utf-8').read()
        except UnicodeDecodeError:
            continue
        if re.search(r'(^|[\s"\'=])/(work|tmp/bash_jobs|farm)/', text):
            faults.append(f'{path}: names a machine\'s own path')
        if REGISTRIES.search(text) and not path.startswith('tools/check_style'):
            faults.append(f'{path}: names a registry\'s host')
        if not path.endswith(('.c', '.h', '.ts', '.tsx')) or path.startswith('web/dist'):
            continue
        if path.startswith(('src/', 'include/', 'web/src/')) and OPEN.search(text):
            faults.append(f'{path}: something is left open')
        if not path.endswith(('.c', '.h')):
            continue
        counts['files'] += 1
        n = text.count('\n')
        counts['lines'] += n
        if EXEMPT.match(path):
            continue
        if n > FILE_MAX:
            faults.append(f'{path}: {n} lines, at most {FILE_MAX}')
        if not path.startswith('src/'):
            continue
        for name, line, length, paths in functions(text):
            counts['functions'] += 1
            longest = max(longest, (length, f'{path}:{name}'))
            if length > FUNCTION_MAX:
                faults.append(f'{path}:{line + 1}: {name} has {length} lines, at most {FUNCTION_MAX}')
            most = COMPLEXITY_MAX.get(path.split('/')[1], COMPLEXITY_ELSE)
            if paths > most:
                faults.append(f'{path}:{line + 1}: {name} has {paths} ways through, at most {most}')
    for f in faults:
        print('not ok -', f)
    print(f"style: {counts['files']} C files, {counts['lines']} lines, {counts['functions']} functions (longest {longest[0]}: "
          f"{longest[1]}), {len(faults)} faults")
    return 1 if faults or counts['functions'] == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
