#!/usr/bin/env python3
"""Writes src/model/unicode_table.c from the Unicode character database (Debian's package unicode-data):

    tools/unicode_tables.py /usr/share/unicode > src/model/unicode_table.c

Letters are the general categories L*, numbers N*, marks M*, punctuation P*, symbols S*, spaces the property
White_Space; every other code point is none of them. Ranges do not overlap and are sorted."""
import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1])
version = re.search(r"PropList-([0-9.]+)\.txt", (folder / "PropList.txt").read_text().splitlines()[0]).group(1)

names = {"L": "LETTER", "N": "NUMBER", "M": "MARK", "P": "PUNCTUATION", "S": "SYMBOL"}
classes = {}
first = None
for line in (folder / "UnicodeData.txt").read_text().splitlines():
    fields = line.split(";")
    code, name, category = int(fields[0], 16), fields[1], fields[2]
    if name.endswith("First>"):
        first = code
        continue
    start = first if name.endswith("Last>") else code
    if category[0] in names:
        for c in range(start, code + 1):
            classes[c] = names[category[0]]
for line in (folder / "PropList.txt").read_text().splitlines():
    found = re.match(r"([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*; White_Space", line)
    if found:
        for c in range(int(found.group(1), 16), int(found.group(2) or found.group(1), 16) + 1):
            classes[c] = "SPACE"

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
print("/* clang-format on */")
