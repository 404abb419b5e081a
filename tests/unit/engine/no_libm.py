#!/usr/bin/env python3
"""The engine's objects call nothing of libm: its results depend on the library's version and on the processor.

Usage: no_libm.py ARCHIVE   prints TAP. What libm exports is asked of the library itself."""
import subprocess
import sys

undefined = {line.split()[-1].split('@')[0]
             for line in subprocess.run(['nm', '-u', sys.argv[1]], capture_output=True, text=True, check=True).stdout.split('\n')
             if line.split()[:1] == ['U']}
listed = subprocess.run(['nm', '-D', '--defined-only', '/lib/x86_64-linux-gnu/libm.so.6'], capture_output=True, text=True).stdout
exported = {line.split()[-1].split('@')[0] for line in listed.split('\n') if line}
found = sorted(undefined & exported)
ok = {'sin', 'expf', 'fmaf', 'rintf'} <= exported and len(undefined) > 10 and not found
print('1..1')
print(('ok' if ok else 'not ok') + f' 1 - {len(undefined)} symbols, of libm: {found}')
sys.exit(0 if ok else 1)
