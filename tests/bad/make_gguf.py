#!/usr/bin/env python3
"""Writes tests/bad/gguf: a small good file, its permitted variants, and one file a rule, each with one change.

    tests/bad/make_gguf.py tests/bad/gguf

Offsets in expected.txt are counted while the bytes are laid down, by this script alone."""
import pathlib
import struct
import sys

U8, I8, U16, I16, U32, I32, F32, BOOL, STR, ARR, U64, I64, F64 = range(13)
FORMATS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", U64: "Q", I64: "q", F64: "d"}
SIZES = {0: (1, 4), 1: (1, 2), 2: (32, 18), 8: (32, 34), 12: (256, 144)}


def text(s):
    b = s.encode() if isinstance(s, str) else s
    return struct.pack("<Q", len(b)) + b


class File:
    """Bytes with places: mark() remembers where a thing begins."""

    def __init__(self):
        self.b = bytearray()
        self.places = {}

    def mark(self, name):
        self.places[name] = len(self.b)

    def add(self, form, *values):
        self.b += struct.pack("<" + form, *values)


def value(f, kind, v, key):
    if kind == STR:
        f.mark(key + ".length")
        f.b += text(v)
    elif kind == ARR:
        element, items = v
        f.mark(key + ".array")
        f.add("IQ", element, len(items))
        for i, item in enumerate(items):
            f.mark(f"{key}[{i}]")
            f.b += text(item) if element == STR else struct.pack("<" + FORMATS[element], item)
    else:
        f.mark(key + ".value")
        f.add(FORMATS[kind], v)


PAIRS = [
    ("general.architecture", STR, "llama"),
    ("general.alignment", U32, 32),
    ("test.flag", BOOL, 1),
    ("test.small", I8, -5),
    ("test.float", F64, 0.5),
    ("test.names", ARR, (STR, ["a", "", "bcd"])),
    ("test.flags", ARR, (BOOL, [0, 1, 1])),
    ("test.numbers", ARR, (I16, [1, -2, 3])),
]
# name, dims, type, offset
TENSORS = [("a.weight", [8], 0, 0), ("b.weight", [64, 2], 2, 32), ("c.weight", [3], 1, 128)]


def make(pairs=PAIRS, tensors=TENSORS, version=3, magic=b"GGUF", counts=None, data=True, align=32, pad=0):
    f = File()
    f.b += magic
    f.add("I", version)
    f.add("QQ", *(counts or (len(tensors), len(pairs))))
    for i, (key, kind, v) in enumerate(pairs):
        f.mark(f"pair {i}")
        f.b += text(key)
        f.mark(f"{key}.type")
        f.add("I", kind)
        value(f, kind, v, key)
    end = 0
    for i, (name, dims, kind, offset) in enumerate(tensors):
        f.mark(f"tensor {i}")
        f.b += text(name)
        f.mark(f"tensor {i} dims")
        f.add("I", len(dims))
        for d, n in enumerate(dims):
            f.mark(f"tensor {i} dim {d}")
            f.add("Q", n)
        f.mark(f"tensor {i} type")
        f.add("I", kind)
        f.mark(f"tensor {i} offset")
        f.add("Q", offset)
        block, size = SIZES.get(kind, (1, 1))
        count = 1
        for n in dims:
            count *= n
        end = max(end, offset + count // block * size)
    f.mark("table end")
    if data and tensors:
        f.b += bytes(-len(f.b) % align)
        f.mark("data")
        f.b += bytes(i * 7 % 251 for i in range(end)) + bytes(pad)
    return f


rows = []
folder = pathlib.Path(sys.argv[1])


def put(name, f, reason, place="-"):
    b = bytes(f.b if isinstance(f, File) else f)
    (folder / name).write_bytes(b)
    rows.append(f"{name} {reason} {f.places[place] if isinstance(f, File) and place in f.places else place}")


def pairs_with(key, kind, v):
    return [(k, kind, v) if k == key else (k, t, w) for k, t, w in PAIRS]


def tensors_with(index, **change):
    out = [list(t) for t in TENSORS]
    for k, v in change.items():
        out[index][("name", "dims", "kind", "offset").index(k)] = v
    return [tuple(t) for t in out]


good = make()
put("good.gguf", good, "OK")
put("good_version_2.gguf", make(version=2), "OK")
put("good_no_tensors.gguf", make(tensors=[]), "OK")
put("good_empty.gguf", make(pairs=[], tensors=[]), "OK")
put("good_bytes_behind.gguf", make(pad=77), "OK")
put("good_four_dims.gguf", make(tensors=tensors_with(2, dims=[3, 1, 1, 1])), "OK")
put("good_order.gguf", make(tensors=[TENSORS[2], TENSORS[0], TENSORS[1]]), "OK")
put("good_alignment_64.gguf", make(pairs_with("general.alignment", U32, 64), align=64,
                                   tensors=[("a", [8], 0, 0), ("b", [32], 8, 64)]), "OK")
put("good_alignment_u64.gguf", make(pairs_with("general.alignment", U64, 32)), "OK")
put("good_name_64.gguf", make(tensors=tensors_with(2, name="n" * 64)), "OK")

put("empty.gguf", b"", "GGUF_TRUNCATED", 0)
put("magic.gguf", make(magic=b"GGML"), "GGUF_MAGIC", 0)
for v in (0, 1, 4):
    put(f"version_{v}.gguf", make(version=v), "GGUF_VERSION", 4)
put("version_big_endian.gguf", make(version=3 << 24), "GGUF_VERSION", 4)
put("cut_magic.gguf", bytes(good.b[:3]), "GGUF_TRUNCATED", 0)
put("cut_counts.gguf", bytes(good.b[:20]), "GGUF_TRUNCATED", 16)
put("count_tensors.gguf", make(counts=(1 << 61, len(PAIRS))), "GGUF_COUNT", 8)
put("count_tensors_limit.gguf", make(counts=(65537, len(PAIRS))), "GGUF_COUNT", 8)
put("count_keys.gguf", make(counts=(3, 1 << 62)), "GGUF_COUNT", 16)
put("count_keys_more.gguf", make(counts=(3, (len(good.b) - 24) // 14 + 1)), "GGUF_COUNT", 16)

for name, length in (("key_empty", 0), ("key_2_63", 1 << 63), ("key_past_end", len(good.b))):
    f = make()
    struct.pack_into("<Q", f.b, f.places["pair 2"], length)
    put(f"{name}.gguf", f, "GGUF_STRING", "pair 2")
put("key_repeated.gguf", make(PAIRS + [("test.flag", U8, 1)]), "GGUF_KEY_REPEATED", "pair 8")
for n in (13, 1 << 31):
    f = make()
    struct.pack_into("<I", f.b, f.places["test.float.type"], n)
    put(f"type_{n}.gguf", f, "GGUF_TYPE", "test.float.type")
f = make()
struct.pack_into("<I", f.b, f.places["test.numbers.array"], 200)
put("type_element.gguf", f, "GGUF_TYPE", "test.numbers.array")
f = make()
struct.pack_into("<Q", f.b, f.places["general.architecture.length"], 1 << 40)
put("string_past_end.gguf", f, "GGUF_STRING", "general.architecture.length")
f = make()
struct.pack_into("<Q", f.b, f.places["test.names[1]"], (1 << 64) - 1)
put("string_in_array.gguf", f, "GGUF_STRING", "test.names[1]")
f = make()
struct.pack_into("<I", f.b, f.places["test.numbers.array"], ARR)
put("array_nested.gguf", f, "GGUF_ARRAY_NESTED", "test.numbers.array")
for name, count in (("past_end", 1 << 20), ("overflow", (1 << 63) + 1), ("2_64", (1 << 64) - 1)):
    f = make()
    struct.pack_into("<Q", f.b, f.places["test.numbers.array"] + 4, count)
    put(f"array_{name}.gguf", f, "GGUF_ARRAY", "test.numbers.array")
f = make()
struct.pack_into("<Q", f.b, f.places["test.names.array"] + 4, 1 << 61)
put("array_strings_overflow.gguf", f, "GGUF_ARRAY", "test.names.array")
put("bool_2.gguf", make(pairs_with("test.flag", BOOL, 2)), "GGUF_BOOL", "test.flag.value")
put("bool_in_array.gguf", make(pairs_with("test.flags", ARR, (BOOL, [0, 1, 255]))), "GGUF_BOOL", "test.flags[2]")
for v in (0, 3, 4, 48):
    put(f"alignment_{v}.gguf", make(pairs_with("general.alignment", U32, v)), "GGUF_ALIGNMENT",
        "general.alignment.value")
put("alignment_text.gguf", make(pairs_with("general.alignment", STR, "32")), "GGUF_KEY_TYPE",
    make(pairs_with("general.alignment", STR, "32")).places["general.alignment.length"] + 8)
put("alignment_negative.gguf", make(pairs_with("general.alignment", I32, -32)), "GGUF_KEY_RANGE",
    "general.alignment.value")
put("alignment_2_31.gguf", make(pairs_with("general.alignment", U32, 1 << 31), tensors=[("a", [8], 0, 0)]),
    "GGUF_ALIGNMENT", "general.alignment.value")

put("tensor_name_empty.gguf", make(tensors=tensors_with(1, name="")), "GGUF_TENSOR_NAME", "tensor 1")
put("tensor_name_65.gguf", make(tensors=tensors_with(1, name="n" * 65)), "GGUF_TENSOR_NAME", "tensor 1")
put("tensor_name_nul.gguf", make(tensors=tensors_with(1, name="a\0b")), "GGUF_TENSOR_NAME", "tensor 1")
put("tensor_name_twice.gguf", make(tensors=tensors_with(2, name="a.weight")), "GGUF_TENSOR_REPEATED", "tensor 2")
put("tensor_no_dims.gguf", make(tensors=tensors_with(1, dims=[])), "GGUF_TENSOR_DIMS", "tensor 1 dims")
put("tensor_five_dims.gguf", make(tensors=tensors_with(0, dims=[8, 1, 1, 1, 1])), "GGUF_TENSOR_DIMS", "tensor 0 dims")
put("tensor_dim_0.gguf", make(tensors=tensors_with(1, dims=[64, 0])), "GGUF_TENSOR_DIMS", "tensor 1 dim 1")
f = make()
struct.pack_into("<QQ", f.b, f.places["tensor 1 dim 0"], 1 << 32, 1 << 32)
put("tensor_product.gguf", f, "GGUF_TENSOR_SIZE", "tensor 1 dim 1")
f = make()
struct.pack_into("<Q", f.b, f.places["tensor 0 dim 0"], 1 << 63)
put("tensor_dim_2_63.gguf", f, "GGUF_TENSOR_SIZE", "tensor 0 dim 0")
f = make()
struct.pack_into("<Q", f.b, f.places["tensor 0 dim 0"], (1 << 63) - 1)
put("tensor_size.gguf", f, "GGUF_TENSOR_SIZE", "tensor 0")
for n in (4, 200):
    f = make()
    struct.pack_into("<I", f.b, f.places["tensor 2 type"], n)
    put(f"tensor_type_{n}.gguf", f, "GGUF_TENSOR_TYPE", "tensor 2 type")
f = make()
struct.pack_into("<Q", f.b, f.places["tensor 1 dim 0"], 65)
put("tensor_blocks.gguf", f, "GGUF_TENSOR_BLOCKS", "tensor 1 type")
put("tensor_unaligned.gguf", make(tensors=tensors_with(2, offset=129)), "GGUF_TENSOR_ALIGNMENT", "tensor 2 offset")
f = make()
struct.pack_into("<Q", f.b, f.places["tensor 2 offset"], 1 << 20)
put("tensor_past_end.gguf", f, "GGUF_TENSOR_RANGE", "tensor 2")
f = make()
struct.pack_into("<Q", f.b, f.places["tensor 2 offset"], (1 << 64) - 32)
put("tensor_offset_overflow.gguf", f, "GGUF_TENSOR_RANGE", "tensor 2")
f = make()
del f.b[-1:]
put("tensor_cut.gguf", f, "GGUF_TENSOR_RANGE", "tensor 2")
put("tensor_overlap.gguf", make(tensors=tensors_with(2, offset=64)), "GGUF_TENSOR_OVERLAP", "tensor 2")
put("tensor_same_place.gguf", make(tensors=tensors_with(1, offset=128)), "GGUF_TENSOR_OVERLAP", "tensor 2")
f = make()
put("cut_tensor_name.gguf", bytes(f.b[: f.places["tensor 1"] + 10]), "GGUF_STRING", f.places["tensor 1"])
put("cut_tensor_dims.gguf", bytes(f.b[: f.places["tensor 1 dim 1"] + 3]), "GGUF_TRUNCATED", f.places["tensor 1 dim 1"])
put("cut_value.gguf", bytes(f.b[: f.places["test.float.value"] + 3]), "GGUF_TRUNCATED", f.places["test.float.value"])

(folder / "expected.txt").write_text("\n".join(sorted(rows)) + "\n")
