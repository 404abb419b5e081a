#!/usr/bin/env python3
"""The walls of the house: which folder may include which, who may speak to the operating system and to OpenSSL.

Usage: check_layers.py [BUILD]   with a build folder, the pure folders' archives are also held against a list of symbols.
Prints one line a fault, and the counts; exit 1 if there is a fault."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RANKS = {
    'base': 0,
    'codec': 1, 'crypto': 1,
    'tdx': 2, 'gpu': 2, 'evidence': 2, 'model': 2,
    'verify': 3, 'chat': 3, 'receipt': 3, 'os': 3,
    'engine': 4, 'device': 4, 'net': 4, 'proc': 4, 'explain': 4,
    'store': 5, 'library': 5, 'collateral': 5, 'channel': 5, 'page': 5,
    'serve': 6, 'attest': 6, 'connect': 6, 'sim': 6, 'fetch': 6,
    'cli': 7,
}
# Rank 3's os/ may be used by every folder above it; of rank 3 itself, by none.
PURE = ['base', 'codec', 'crypto', 'tdx', 'evidence', 'model', 'chat', 'verify', 'engine', 'explain']
# engine/ reads the model's file descriptor once and starts threads; crypto/ stands on OpenSSL.
SYSTEM_HEADERS = re.compile(r'#include <(sys/(?!types|cdefs)[^>]*|unistd|fcntl|netdb|netinet/[^>]*|arpa/[^>]*|poll|dirent|time|'
                            r'signal|pthread|spawn|dlfcn|syslog)(\.h)?>')
SYSTEM_ALLOWED = {'engine'}
BANNED = re.compile(r'\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|system|popen|alloca|rand|srand|random|tmpnam|'
                    r'mktemp|getenv)\s*\(')
# The only places that read the environment: a program's beginning.
GETENV_ALLOWED = re.compile(r'^src/(cli|serve/(config|supplies)|store|sim/main|attest/main)')
PROGRAMS = re.compile(r'^src/(sim|attest|fetch)/main\.c$')
PRINTING = re.compile(r'\b(printf|puts|fprintf|perror|exit|abort|_exit)\s*\(')
PRINTING_ALLOWED = re.compile(r'^src/(cli/|sim/main|attest/main|fetch/main|os/log|serve/|proc/|sim/cmd)')
FORBIDDEN_SYMBOLS = re.compile(r'^(printf|puts|putchar|fprintf|fopen|fopen64|fwrite|fread|open|open64|openat|read|write|pread|pread64|'
                               r'socket|connect|bind|listen|accept|accept4|send|recv|sendto|recvfrom|time|clock_gettime|gettimeofday|'
                               r'getenv|secure_getenv|exit|_exit|abort|fork|execve|system|popen|random|rand|getrandom|ioctl|mmap|'
                               r'pthread_create|sin|cos|exp|log|pow|expf|logf|powf|sinf|cosf|tanhf|tanh|sqrtf?|erff?)$')
SYMBOLS_ALLOWED = {
    # the model's file is read once, into private memory, by threads of the engine's own
    'engine': {'pread', 'pread64', 'read', 'mmap', 'pthread_create', 'clock_gettime'},
}


def sources():
    for top, _, files in os.walk(os.path.join(ROOT, 'src')):
        for name in sorted(files):
            if name.endswith(('.c', '.h')):
                path = os.path.join(top, name)
                yield os.path.relpath(path, ROOT), open(path, encoding='utf-8').read()


def without_comments(text):
    def blank(m):
        s = m.group(0)
        return s if s[0] == '"' else re.sub(r'[^\n]', ' ', s)
    return re.sub(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', blank, text, flags=re.S)


def check_file(path, text, faults):
    folder = path.split('/')[1]
    code = without_comments(text)
    if folder not in RANKS:
        faults.append(f'{path}: folder {folder} has no rank')
        return
    # The beginning of a program stands beside cli/, whose option table it shares.
    rank = RANKS['cli'] + 1 if PROGRAMS.match(path) else RANKS[folder]
    for n, line in enumerate(code.split('\n'), 1):
        where = f'{path}:{n}'
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if m:
            other = m.group(1).split('/')[0]
            if m.group(1).endswith('.inc') and '/' not in m.group(1):
                continue  # made from the built page
            if '/' not in m.group(1):
                faults.append(f'{where}: include "{m.group(1)}" names no folder')
            elif other not in RANKS:
                faults.append(f'{where}: include of unknown folder {other}')
            elif other != folder and RANKS[other] >= rank:
                faults.append(f'{where}: {folder} (rank {rank}) includes {other} (rank {RANKS[other]})')
        if re.match(r'\s*#\s*include\s+<openssl/', line) and not (folder == 'crypto' or path.startswith('src/net/tls')):
            faults.append(f'{where}: only crypto/ and net/tls include OpenSSL')
        if folder in PURE and folder not in SYSTEM_ALLOWED and SYSTEM_HEADERS.match(line):
            faults.append(f'{where}: {folder}/ is pure: {line.strip()}')
        m = BANNED.search(line)
        if m and not (m.group(1) == 'getenv' and GETENV_ALLOWED.match(path)) and not re.search(r'[>.]\s*' + m.group(1), line):
            faults.append(f'{where}: banned call {m.group(1)}')
        if PRINTING.search(line) and not PRINTING_ALLOWED.match(path):
            faults.append(f'{where}: modules never print or exit')


def check_symbols(build, faults):
    checked = 0
    for folder in PURE:
        for name in sorted(os.listdir(os.path.join(build, 'src', folder))):
            if not name.endswith('.a'):
                continue
            out = subprocess.run(['nm', '-u', os.path.join(build, 'src', folder, name)], capture_output=True, text=True).stdout
            for line in out.split('\n'):
                words = line.split()
                if len(words) == 2 and words[0] == 'U':
                    symbol = words[1].split('@')[0]
                    checked += 1
                    if FORBIDDEN_SYMBOLS.match(symbol) and symbol not in SYMBOLS_ALLOWED.get(folder, ()):
                        faults.append(f'{name}: {folder}/ must not call {symbol}')
    return checked


def main():
    faults = []
    files = 0
    for path, text in sources():
        files += 1
        check_file(path, text, faults)
    symbols = check_symbols(sys.argv[1], faults) if len(sys.argv) > 1 else 0
    for f in faults:
        print('not ok -', f)
    print(f'layers: {files} files, {symbols} symbols looked at, {len(faults)} faults')
    return 1 if faults or files == 0 or (len(sys.argv) > 1 and symbols == 0) else 0


if __name__ == '__main__':
    sys.exit(main())
