"""split_gguf.py IN.gguf OUT COUNT: IN's tensors in COUNT files OUT-00001-of-0000N.gguf, in order, as gguf-split writes
them: the first has the metadata, each says which part it is. Data begin at multiples of 32."""
import struct
import sys

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # of values, by type; 8 strings, 9 arrays


def string_end(b, at):
    return at + 8 + struct.unpack_from('<Q', b, at)[0]


def value_end(b, at, kind):
    if kind == 8:
        return string_end(b, at)
    if kind != 9:
        return at + SIZES[kind]
    kind, count = struct.unpack_from('<IQ', b, at)
    at += 12
    if kind in SIZES:
        return at + count * SIZES[kind]
    for _ in range(count):
        at = value_end(b, at, kind)
    return at


def padded(n):
    return (n + 31) // 32 * 32


def key(name, kind, value):
    return struct.pack('<Q', len(name)) + name + struct.pack('<I' + kind, {'H': 2, 'I': 5}[kind], value)


def main(source, out, count):
    with open(source, 'rb') as f:
        b = f.read()
    version, tensors, pairs = struct.unpack_from('<IQQ', b, 4)
    at = first = 24
    for _ in range(pairs):
        at = string_end(b, at)
        at = value_end(b, at + 4, struct.unpack_from('<I', b, at)[0])
    metadata, table = b[first:at], []
    for _ in range(tensors):
        begin, at = at, string_end(b, at)
        at += 4 + 8 * struct.unpack_from('<I', b, at)[0] + 4
        table.append((b[begin:at], struct.unpack_from('<Q', b, at)[0]))
        at += 8
    start, at = padded(at), 0
    ends = [offset for _, offset in table[1:]] + [len(b) - start]
    for part in range(count):
        end = tensors * (part + 1) // count
        more = (key(b'split.no', 'H', part) + key(b'split.count', 'H', count) + key(b'split.tensors.count', 'I', tensors))
        base = table[at][1]
        head = (b'GGUF' + struct.pack('<IQQ', version, end - at, 3 + (pairs if part == 0 else 0)) +
                (metadata if part == 0 else b'') + more +
                b''.join(entry + struct.pack('<Q', offset - base) for entry, offset in table[at:end]))
        with open(f'{out}-{part + 1:05}-of-{count:05}.gguf', 'wb') as f:
            f.write(head.ljust(padded(len(head)), b'\0') + b[start + base:start + ends[end - 1]])
        at = end


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
