#!/usr/bin/env python3
"""The verifier's own closure: the files that the verification library is made of, and their lines.

Usage: closure.py BUILD [--sources]   --sources: only the .c files, a line each

Counted are lines that hold code: neither blank nor comment alone. The files are those that the linker takes for library/sotto.c out
of the folders' archives, and the headers that these include. Of verify/, tdx/ and codec/ they count whole; of base/ and crypto/, which
serve everything else too, without the functions that the verifier does not reach (compiled without optimization, so that nothing is
inlined, and linked without sections that nothing refers to, they are not in the result), without what explain/ alone reaches, which
decides nothing, and without the reasons and limits that no file names. Exit code 1: more than the bar."""
import collections
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 8000
FOLDERS = ['explain', 'verify', 'evidence', 'tdx', 'codec', 'crypto', 'base']
SHARED = ('base', 'crypto')


def run(command, build):
    return subprocess.run(command, cwd=build, capture_output=True, check=True, text=True).stdout


def link(build, root, folders, options):
    archives = [f'src/{folder}/lib{folder}.a' for folder in folders]
    return run(['gcc', '-shared', *options, root, '-Wl,--start-group', *archives, '-Wl,--end-group'], build)


def commands(build, folders):
    """The compilations of the objects that the library takes from these folders."""
    entries = {e['output']: e for e in json.load(open(os.path.join(build, 'compile_commands.json'), encoding='utf-8'))}
    taken = link(build, 'src/library/liblibrary.a.p/sotto.c.o', folders, ['-o', '/dev/null', '-Wl,--trace']).split('\n')
    return [entries[name] for name in sorted(set(taken)) if name in entries]


def compiler(entry):
    """The command of a compilation, without what it writes and reads."""
    words = [w for w in shlex.split(entry['command'])[:-4] if w != '-MD']
    for option in ('-MQ', '-MF'):
        at = words.index(option)
        del words[at:at + 2]
    return words


def place(build, name):
    return os.path.relpath(os.path.join(build, name), ROOT)


def files(build, entries):
    found = set()
    for entry in entries:
        out = run([*compiler(entry), '-MM', entry['file']], build)
        found.update(place(build, name) for name in out.replace('\\\n', ' ').split()[1:])
    return sorted(found)


def reached(build, entries):
    """The names of all functions that the library's interface reaches."""
    with tempfile.TemporaryDirectory() as folder:
        objects = []
        for entry in entries:
            objects.append(os.path.join(folder, entry['output'].replace('/', '_')))
            run([*compiler(entry), '-O0', '-U_FORTIFY_SOURCE', '-w', '-ffunction-sections', '-o', objects[-1], '-c', entry['file']], build)
        library = os.path.join(folder, 'library')
        script = os.path.join(ROOT, 'include/sotto-verify.map')
        run(['gcc', '-shared', *objects, '-o', library, '-Wl,--gc-sections', f'-Wl,--version-script={script}'], build)
        return {line.split()[-1] for line in run(['nm', library], build).splitlines()}


def strip(text):
    text = re.sub(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', lambda m: m.group(0) if m.group(0)[0] == '"' else '', text, flags=re.S)
    return '\n'.join(line for line in text.split('\n') if line.strip()) + '\n'


def without(text, names):
    """The text without the functions, and their declarations, that are not among the names."""
    def keep(m):
        name = re.search(r'(\w+)\((?!\(|printf)', m.group(0)).group(1)
        return m.group(0) if name in names else ''
    return re.sub(r'^(?!typedef)[A-Za-z_][^;{}#=]*\)(?:;\n|\n\{\n.*?^\}\n)', keep, text, flags=re.S | re.M)


def used(path, text, names, words):
    """What the verifier uses of a file of base/ or crypto/."""
    if path == 'src/base/reasons.h':
        return re.sub(r'^ *R\((\w+),.*\n', lambda m: m.group(0) if words['REASON_' + m.group(1)] else '', text, flags=re.M)
    if path == 'src/base/limits.h':
        return re.sub(r'^#define (\w+).*\n', lambda m: m.group(0) if words[m.group(1)] > 1 else '', text, flags=re.M)
    return without(text, names)


def main():
    build = os.path.abspath(sys.argv[1])
    entries = commands(build, FOLDERS)
    if sys.argv[2:] == ['--sources']:
        print('\n'.join(sorted(place(build, e['file']) for e in entries)))
        return
    deciding = commands(build, [folder for folder in FOLDERS if folder != 'explain'])
    names, deciding_files = reached(build, deciding), set(files(build, deciding))
    rooms = collections.defaultdict(lambda: [0, 0, 0])
    texts = {path: strip(open(os.path.join(ROOT, path), encoding='utf-8').read()) for path in files(build, entries)}
    words = collections.Counter(re.findall(r'\w+', ''.join(texts.values())))
    for path, text in texts.items():
        room = path.split('/')[1] if path.startswith('src/') else path.split('/')[0]
        rooms[room][0] += 1
        rooms[room][1] += text.count('\n')
        counted = text if room not in SHARED else used(path, text, names, words) if path in deciding_files else ''
        rooms[room][2] += counted.count('\n')
    for name, (count, lines, part) in sorted(rooms.items()):
        print(f'{name:10} {count:3} files {lines:6} lines of code' + (f', {part} of them used' if name in SHARED else ''))
    own = sum(rooms[name][2] for name in ('verify', 'tdx', 'codec', *SHARED))
    print(f'with evidence documents, the interface, and what explains a verdict: {sum(r[2] for r in rooms.values())}')
    print(f'the verifier itself (verify, tdx, codec, and what it uses of base and crypto): {own} lines of code; '
          f'{"fewer than" if own < LIMIT else "MORE THAN THE BAR OF"} {LIMIT}')
    sys.exit(0 if own < LIMIT else 1)


main()
