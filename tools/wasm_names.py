#!/usr/bin/env python3
"""The functions that a WebAssembly module imports and exports, a line each.

Usage: wasm_names.py MODULE"""
import sys


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def take(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def name(self):
        return self.take(self.number()).decode()


def main():
    r = Reader(open(sys.argv[1], 'rb').read())
    if r.take(8) != b'\0asm\1\0\0\0':
        sys.exit('no WebAssembly module')
    while r.at < len(r.data):
        kind = r.take(1)[0]
        s = Reader(r.take(r.number()))
        if kind == 2:
            for _ in range(s.number()):
                where, name, what = s.name(), s.name(), s.take(1)[0]
                print(f'import {where}.{name}')
                if what != 0:
                    sys.exit(f'{name} is no function')
                s.number()
        elif kind == 7:
            for _ in range(s.number()):
                name, what, _ = s.name(), s.take(1)[0], s.number()
                if what == 0:
                    print(f'export {name}')


main()
