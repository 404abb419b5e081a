#!/usr/bin/env python3
"""The verifier's own closure: the files that the verification library is made of, and their lines.

Usage: closure.py BUILD [--sources]   --sources: only the .c files, a line each
Counted are lines that hold code: neither blank nor comment alone. The last line holds verify/, tdx/, codec/ and the parts of base/
and crypto/ that they use against the bar."""
import collections
import json
import os
import re
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 8000
LIBRARY = 'libsotto-verify-objects'


def commands(build):
    for entry in json.load(open(os.path.join(build, 'compile_commands.json'), encoding='utf-8')):
        if LIBRARY in entry['output']:
            yield entry


def place(entry, name):
    return os.path.relpath(os.path.join(entry['directory'], name), ROOT)


def closure(build):
    """Every file of the tree that the library's objects are compiled from."""
    found = set()
    for entry in commands(build):
        words = shlex.split(entry['command'])
        cut = words.index('-o')
        command = [w for w in words[:cut] if w not in ('-MD', 'ccache')]
        while '-MQ' in command or '-MF' in command:
            at = command.index('-MQ' if '-MQ' in command else '-MF')
            del command[at:at + 2]
        out = subprocess.run(command + ['-MM', entry['file']], cwd=entry['directory'], capture_output=True, check=True)
        for name in out.stdout.decode().replace('\\\n', ' ').split()[1:]:
            found.add(place(entry, name))
    return sorted(found)


def code_lines(path):
    text = open(os.path.join(ROOT, path), encoding='utf-8').read()
    text = re.sub(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', lambda m: m.group(0) if m.group(0)[0] == '"' else
                  re.sub(r'[^\n]', '', m.group(0)), text, flags=re.S)
    return sum(1 for line in text.split('\n') if line.strip()), text.count('\n')


def main():
    build = os.path.abspath(sys.argv[1])
    if sys.argv[2:] == ['--sources']:
        print('\n'.join(sorted(place(e, e['file']) for e in commands(build))))
        return
    rooms = collections.defaultdict(lambda: [0, 0, 0])
    for path in closure(build):
        code, lines = code_lines(path)
        room = rooms[path.split('/')[1] if path.startswith('src/') else path.split('/')[0]]
        room[0] += 1
        room[1] += code
        room[2] += lines
    if not rooms:
        sys.exit('no object of the library in this build')
    for name, (files, code, lines) in sorted(rooms.items()):
        print(f'{name:10} {files:3} files {code:6} lines of code {lines:6} lines')
    own = sum(rooms[name][1] for name in ('verify', 'tdx', 'codec', 'base', 'crypto'))
    print(f'with evidence documents and the interface: {sum(r[1] for r in rooms.values())}')
    print(f'the verifier itself (verify, tdx, codec, base, crypto): {own} lines of code; '
          f'{"fewer than" if own < LIMIT else "MORE THAN THE BAR OF"} {LIMIT}')


main()
