#!/usr/bin/env python3
"""Writes src/model/unicode_table.c from the Unicode character database (Debian's package unicode-data):

    tools/unicode_tables.py /usr/share/unicode > src/model/unicode_table.c

Letters are the general categories L*, numbers N*, marks M*, punctuation P*, symbols S*, spaces the property
White_Space; every other code point is none of them. Ranges do not overlap and are sorted. Small and capital letters are
those of UnicodeData.txt, and of SpecialCasing.txt where they are several and no condition stands there."""
import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1])
version = re.search(r"PropList-([0-9.]+)\.txt", (folder / "PropList.txt").read_text().splitlines()[0]).group(1)

names = {"L": "LETTER", "N": "NUMBER", "M": "MARK", "P": "PUNCTUATION", "S": "SYMBOL"}
classes = {}
cases = {"lower": {}, "upper": {}}
first = None
for line in (folder / "UnicodeData.txt").read_text().splitlines():
    fields = line.split(";")
    code, name, category = int(fields[0], 16), fields[1], fields[2]
    if name.endswith("First>"):
        first = code
        continue
    start = first if name.endswith("Last>") else code
    for how, field in (("lower", fields[13]), ("upper", fields[12])):
        if field:
            cases[how][code] = int(field, 16)
    if category[0] in names:
        for c in range(start, code + 1):
            classes[c] = names[category[0]]
for line in (folder / "PropList.txt").read_text().splitlines():
    found = re.match(r"([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*; White_Space", line)
    if found:
        for c in range(int(found.group(1), 16), int(found.group(2) or found.group(1), 16) + 1):
            classes[c] = "SPACE"

several = []
for line in (folder / "SpecialCasing.txt").read_text().splitlines():
    fields = [f.strip() for f in line.partition("#")[0].split(";")]
    if len(fields) == 5:  # no condition
        for how, field in (("lower", fields[1]), ("upper", fields[3])):
            to = [int(c, 16) for c in field.split()]
            if len(to) > 1:
                several.append([int(fields[0], 16), how, to + [0] * (3 - len(to))])
                cases[how].pop(int(fields[0], 16), None)

# What 15.1 added to 15.0, and nothing else did: Debian's package is a version behind.
assert version == "15.0.0"
version = "15.1.0"
for first, last, name in ((0x2FFC, 0x2FFF, "SYMBOL"), (0x31EF, 0x31EF, "SYMBOL"), (0x2EBF0, 0x2EE5D, "LETTER")):
    for c in range(first, last + 1):
        assert c not in classes
        classes[c] = name

ranges = []
for code in sorted(classes):
    if ranges and ranges[-1][1] == code - 1 and ranges[-1][2] == classes[code]:
        ranges[-1][1] = code
    else:
        ranges.append([code, code, classes[code]])

print(f"/* Made by tools/unicode_tables.py from the Unicode character database {version}: do not edit. */")
print('#include "model/unicode.h"\n')
print(f'const char unicode_version[] = "{version}";')
print(f"const size_t unicode_range_count = {len(ranges)};")
print("/* clang-format off */")
print("const struct unicode_range unicode_ranges[] = {")
for i in range(0, len(ranges), 2):
    row = [f"{{0x{start:04x}, 0x{end:04x}, UNICODE_{name}}}," for start, end, name in ranges[i : i + 2]]
    print("    " + " ".join(row))
print("};")
for how in ("lower", "upper"):
    rows = []  # first, last, step, distance: neighbours, or each second one
    for code, to in sorted(cases[how].items()):
        row = rows[-1] if rows else None
        if row and row[3] == to - code and code - row[1] in ((1, 2) if row[2] == 0 else (row[2],)):
            row[1:3] = [code, code - row[1]]
        else:
            rows.append([code, code, 0, to - code])
    assert all(a[1] < b[0] for a, b in zip(rows, rows[1:]))
    print(f"const size_t unicode_{how}_count = {len(rows)};")
    print(f"const struct unicode_case unicode_{how}s[] = {{")
    for i in range(0, len(rows), 3):
        print("    " + " ".join(f"{{0x{a:04x}, 0x{b:04x}, {max(s, 1)}, {d}}}," for a, b, s, d in rows[i : i + 3]))
    print("};")
print(f"const size_t unicode_several_count = {len(several)};")
print("const struct unicode_several unicode_several[] = {")
several = [f"{{0x{c:04x}, {'true' if how == 'upper' else 'false'}, {{{', '.join(f'0x{t:04x}' for t in to)}}}}}," for c, how, to in sorted(several)]
for i in range(0, len(several), 2):
    print("    " + " ".join(several[i : i + 2]))
print("};")
print("/* clang-format on */")
