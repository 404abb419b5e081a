#!/usr/bin/env python3
"""Writes tests/bad/log: good logs of each form, and one file a rule, each with one change.

    tests/bad/make_logs.py tests/bad/log

Digests and offsets are computed by this script alone. expected.txt: FILE REASON OFFSET. Beside the
folder, for the good ones, log_registers.txt: FILE RTMR0 RTMR1 RTMR2 RTMR3 COVERAGE, a letter an event: w(hole), p(art), n(ot), u(nknown); - for none."""
import hashlib
import json
import pathlib
import struct
import sys

SHA384 = lambda b: hashlib.sha384(b).digest()
files, replays = {}, {}


def put(name, content, reason="OK", offset="-"):
    assert name not in files
    files[name] = (content.encode() if isinstance(content, str) else content, reason, offset)


def good(name, content, *events):
    """An event: register 0..3 or None, digest, letter."""
    put(name, content)
    registers = [bytes(48)] * 4
    for register, digest, _ in events:
        if register is not None:
            registers[register] = SHA384(registers[register] + digest)
    replays[name] = [r.hex() for r in registers] + ["".join(e[2] for e in events) or "-"]


# ---- TCG ----

def header(algorithms, signature=b"Spec ID Event03\0"):
    event = signature + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(algorithms))
    event += b"".join(struct.pack("<HH", a, s) for a, s in algorithms) + b"\0"
    return struct.pack("<II20sI", 0, 3, b"", len(event)) + event


def event(index, kind, data, digests=None):
    digests = digests or [(0x0C, SHA384(data))]
    out = struct.pack("<III", index, kind, len(digests))
    out += b"".join(struct.pack("<H", a) + d for a, d in digests)
    return out + struct.pack("<I", len(data)) + data


def tcg():
    h = header([(0x0C, 48)])
    one = h + event(1, 4, b"\0\0\0\0")
    end = len(one)
    both = header([(0x0C, 48), (0x12, 32)])
    separator = (0, SHA384(b"\0" * 4), "w")
    good("tcg_good", one, separator)
    good("tcg_good_sm3", both + event(1, 4, b"\0" * 4, [(0x0C, SHA384(b"\0" * 4)), (0x12, b"\x11" * 32)]), separator)
    good("tcg_good_sm3_first", both + event(1, 4, b"\0" * 4, [(0x12, b"\x11" * 32), (0x0C, SHA384(b"\0" * 4))]), separator)
    aael = b"LEAA\x03\0\0\0a b"
    good("tcg_good_coco_header", header([(0x0C, 48), (0x12, 32)], b"\0" * 16) + event(4, 6, aael), (3, SHA384(aael), "w"))
    of = lambda b: [(0x0C, SHA384(b))]
    good("tcg_good_no_action", h + event(3, 3, b"x") + event(3, 5, b"y"), (None, b"", "w"), (2, SHA384(b"y"), "w"))
    variable = lambda name, value: bytes(16) + struct.pack("<QQ", len(name) // 2, len(value)) + name + value
    boot = variable(b"B\0o\0", b"value")
    events, seen = b"", []
    for kind, data, of_what, letter in [
            (0x80000001, boot, boot, "w"), (0x80000001, boot, b"value", "n"), (0x80000002, boot, b"value", "p"),
            (0x80000002, boot + b"x", b"value", "p"), (0x80000002, boot[:-1], b"value", "n"), (0x80000002, boot, b"alue", "n"),
            (0x80000002, bytes(16) + b"\xff" * 16, b"", "n"),
            (0x80000002, bytes(16) + struct.pack("<QQ", 1 << 63, 5) + b"value", b"value", "n"), (0x80000002, variable(b"", b""), b"", "p"),
            (0xD, b"grub_cmd: set x=1\0", b"set x=1", "p"), (0xD, b"grub_cmd set x\0`", b"set x\0", "p"),
            (0xD, b"grub_cmd: a b", b"a b", "p"), (0xD, b"grub_cmd: a b", b"b", "n"), (0xD, b"MokList\0", b"", "n"),
            (0xD, b"", b"x", "n"), (0xD, b"x ", b"", "p"), (0x5, b"grub_cmd: set x=1\0", b"set x=1", "n"),
            (0x80000003, b"\0" * 32, b"image", "n"), (0x8000000A, b"\x02ab", b"blob", "n"), (0x6, b"\xec\x22\x3b\x8f", b"", "n")]:
        events += event(2, kind, data, of(of_what))
        seen.append((1, SHA384(of_what), letter))
    good("tcg_good_coverage", h + events, *seen)
    assert len(both) == 69
    put("tcg_sm3_alone", header([(0x12, 32)]) + event(1, 4, b"\0" * 4, [(0x12, b"\x11" * 32)]), "LOG_ALGORITHM", 65)
    put("tcg_event_sm3_alone", both + event(1, 4, b"\0" * 4, [(0x12, b"\x11" * 32)]), "LOG_ALGORITHM", 69)
    for name, tail in {"ff4": b"\xff" * 4, "ff8": b"\xff" * 8, "ff4_zeros": b"\xff" * 4 + b"\0" * 60, "zeros3": b"\0" * 3,
                       "ff8_zeros": b"\xff" * 8 + b"\0" * 56, "ff64": b"\xff" * 64, "zeros64": b"\0" * 64,
                       "zeros7": b"\0" * 7, "ff3": b"\xff" * 3}.items():
        good("tcg_good_end_" + name, one + tail, separator)
    put("tcg_end_ff6_zeros", one + b"\xff" * 6 + b"\0" * 8, "LOG_FORM", end + 6)
    put("tcg_end_ff4_two", one + b"\xff" * 4 + b"\0\0\1", "LOG_FORM", end + 6)
    put("tcg_end_ff8_two", one + b"\xff" * 8 + b"\0\0\1", "LOG_FORM", end + 10)
    put("tcg_end_ff64_text", one + b"\xff" * 64 + b"x", "LOG_FORM", end + 64)
    put("tcg_end_zeros_text", one + b"\0" * 8 + b"xx", "LOG_FORM", end + 8)
    put("tcg_end_zeros_event", one + b"\0" * 64 + event(1, 4, b"\0\0\0\0"), "LOG_FORM", end + 64)
    put("tcg_end_mixed", one + b"\0\xff", "BYTES_SHORT", end)
    put("tcg_algorithm_65_bytes", header([(0x0C, 48), (0x99, 65)]) + event(1, 4, b"\0" * 4), "LOG_ALGORITHM", 64)
    put("tcg_no_digests", h + struct.pack("<IIII", 1, 4, 0, 1) + b"x", "LOG_ALGORITHM", len(h) + 8)
    put("tcg_acpi_table", b"CCEL" + struct.pack("<I", 56) + b"\0" * 48, "LOG_FORM", 0)
    put("tcg_event_cut", one[:-1], "BYTES_SHORT", end - 4)
    put("tcg_register_5", h + event(5, 4, b"\0"), "LOG_REGISTER", len(h))
    # An index of 0 that is no end: MRTD, never extended.
    good("tcg_good_mrtd", h + event(0, 1, b"x") + event(4, 1, b"y"), (None, b"", "w"), (3, SHA384(b"y"), "w"))


# ---- dstack ----

def entry(**changes):
    e = {"imr": 3, "event_type": 0x08000001, "digest": "", "event": "app-id", "event_payload": "00ff"}
    e.update(changes)
    return {k: v for k, v in e.items() if v is not None}


def dstack():
    boot = entry(imr=0, event_type=4, digest=SHA384(b"\0" * 4).hex(), event="", event_payload="00000000")
    j = json.dumps
    first = (0, SHA384(b"\0" * 4), "w")
    v1 = (3, SHA384(struct.pack("<I", 0x08000001) + b":app-id:\0\xff"), "w")
    v2 = (3, SHA384(b'{"name":"app-id","payload":"00ff","type":134217729}'), "w")
    good("dstack_good", j([boot, entry()]), first, v1)
    good("dstack_good_empty", "[]")
    good("dstack_good_spaces", " \n\t\r" + j([boot]), first)
    good("dstack_good_v1", j([entry(version=1)]), v1)
    good("dstack_good_v2", j([entry(version=2), entry(version=2, digest=v2[1].hex())]), v2, v2)
    good("dstack_good_not_v2", j([entry(version=2, digest=v1[1].hex())]), (3, v1[1], "n"))
    good("dstack_good_upper", j([entry(digest=SHA384(b"").hex().upper())]), (3, SHA384(b""), "n"))
    good("dstack_good_no_digest", j([entry(digest=None)]), v1)
    good("dstack_good_hash_input", j([entry(hash_input="00")]), v1)
    good("dstack_good_stripped", j([dict(boot, event_payload="")]), (0, first[1], "u"))
    good("dstack_good_text_inside", j({"quote": "00", "event_log": j([boot, entry()])}), first, v1)
    good("dstack_good_list_inside", j({"event_log": [boot]}), first)
    good("dstack_good_no_action", j([dict(boot, event_type=3), boot]), (None, b"", "w"), first)
    put("dstack_cut", j([boot])[:-1], "JSON_FORM", len(j([boot])) - 1)
    put("dstack_text_behind", j([boot]) + "x", "JSON_FORM", len(j([boot])))
    put("dstack_object", "{}", "LOG_FORM")
    put("dstack_log_number", '{"event_log":1}', "LOG_FORM")
    put("dstack_inside_cut", j({"event_log": "["}), "JSON_FORM")
    put("dstack_inside_object", j({"event_log": "{}"}), "LOG_FORM")
    put("dstack_inside_twice", j({"event_log": j({"event_log": "[]"})}), "LOG_FORM")
    put("dstack_event_number", "[1]", "JSON_TYPE")
    put("dstack_unknown", j([entry(name="x")]), "JSON_UNKNOWN")
    put("dstack_imr_4", j([entry(imr=4)]), "LOG_REGISTER")
    put("dstack_imr_negative", j([entry(imr=-1)]), "JSON_RANGE")
    put("dstack_imr_text", j([entry(imr="3")]), "JSON_TYPE")
    put("dstack_imr_missing", j([entry(imr=None)]), "JSON_MEMBER")
    put("dstack_type_large", j([entry(event_type=1 << 32)]), "JSON_RANGE")
    put("dstack_event_missing", j([entry(event=None)]), "JSON_MEMBER")
    put("dstack_payload_missing", j([entry(event_payload=None)]), "JSON_MEMBER")
    put("dstack_payload_odd", j([entry(event_payload="0")]), "HEX_LENGTH")
    put("dstack_payload_digit", j([entry(event_payload="0g")]), "HEX_DIGIT")
    put("dstack_payload_large", j([entry(event_payload="00" * 65537)]), "LOG_LIMIT")
    put("dstack_digest_short", j([entry(digest="00" * 32)]), "LOG_ALGORITHM")
    put("dstack_digest_digit", j([entry(digest="0g" * 48)]), "HEX_DIGIT")
    put("dstack_digest_none", j([dict(boot, digest="")]), "LOG_ALGORITHM")
    put("dstack_version_3", j([entry(version=3)]), "JSON_RANGE")
    put("dstack_duplicate", '[{"imr":0,"imr":1}]', "JSON_FORM", 10)
    put("dstack_depth", "[" * 10000, "JSON_DEPTH", 64)


# ---- IMA ----

def ima_line(index="10", path="/bin/true", name="ima-ng", tail="", digest=None, file_hash=b"\x22" * 32, head=""):
    field = lambda b: struct.pack("<I", len(b)) + b
    kind = "ima:" if name.endswith("v2") else ""
    data = field(kind.encode() + b"sha256:\0" + file_hash) + field(path.encode() + b"\0")
    if "sig" in name:
        data += field(bytes.fromhex(tail.strip()))
    digest = SHA384(data).hex() if digest is None else digest
    return f"{head}{index} {digest} {name} {kind}sha256:{file_hash.hex()} {path}{tail}"


def ima():
    line = ima_line()
    at_hash, at_name, at_file = 3, 3 + 96 + 1, 3 + 96 + 1 + 7
    def ok(name, *lines, register=2, letter="w", digest=None, end="\n"):
        good(name, "\n".join(lines) + end, *((register, digest or bytes.fromhex(l.split()[1]), letter) for l in lines))

    ok("ima_good", line)
    ok("ima_good_two", line, ima_line(path="/bin/false"))
    ok("ima_good_no_end", line, end="")
    ok("ima_good_sig", ima_line(name="ima-sig"))
    ok("ima_good_sig_bytes", ima_line(name="ima-sig", tail=" 030204ab"))
    ok("ima_good_ngv2", ima_line(name="ima-ngv2"))
    ok("ima_good_sigv2", ima_line(name="ima-sigv2"), ima_line(name="ima-sigv2", tail=" 0302"))
    ok("ima_good_other_template", ima_line(name="ima-cgpath"), letter="u")
    ok("ima_good_violation", ima_line(digest="0" * 96), letter="n", digest=b"\xff" * 48)
    ok("ima_good_other_path", line.replace("/true", "/sh"), letter="n")
    ok("ima_good_rtmr2", ima_line(head=" ", index="2"))
    ok("ima_good_rtmr0", ima_line(index="0"), register=0)
    ok("ima_good_14", ima_line(index="14"))
    put("ima_sha1", ima_line(digest="11" * 20) + "\n", "LOG_ALGORITHM", 0)
    put("ima_sha256", ima_line(digest="11" * 32) + "\n", "LOG_ALGORITHM", 0)
    put("ima_hash_size", ima_line(digest="11" * 31) + "\n", "LOG_ALGORITHM", at_hash)
    put("ima_hash_digit", ima_line(digest="1g" * 48) + "\n", "HEX_DIGIT", at_hash)
    put("ima_index_4", ima_line(index="4") + "\n", "LOG_REGISTER", 0)
    put("ima_index_7", ima_line(index="7") + "\n", "LOG_REGISTER", 0)
    put("ima_index_15", ima_line(index="15") + "\n", "LOG_REGISTER", 0)
    put("ima_index_long", ima_line(index="010") + "\n", "LOG_FORM", 0)
    put("ima_index_slash", line + "\n" + ima_line(index="1/") + "\n", "LOG_FORM", len(line) + 1)
    put("ima_index_colon", line + "\n" + ima_line(index="0:") + "\n", "LOG_FORM", len(line) + 1)
    put("ima_name_empty", ima_line(name="") + "\n", "LOG_FORM", at_name)
    put("ima_index_2nd", line + "\nx" + line + "\n", "LOG_FORM", len(line) + 1)
    put("ima_empty_line", line + "\n\n", "LOG_FORM", len(line) + 1)
    put("ima_carriage_return", line + "\r\n", "LOG_FORM", len(line))
    put("ima_zero_byte", line + "\0\n", "LOG_FORM", len(line))
    put("ima_no_template", line[:at_name - 1] + "\n", "LOG_FORM", at_name - 1)
    put("ima_no_fields", line[:at_file - 1] + "\n", "LOG_FORM", at_name)
    put("ima_no_path", line[:at_file + 7 + 64] + "\n", "LOG_FORM", at_file + 7 + 64)
    put("ima_no_algorithm", line.replace("sha256:", ":") + "\n", "LOG_FORM", at_file + 1 + 64 + 1)
    put("ima_no_colon", line.replace("sha256:", "") + "\n", "LOG_FORM", at_file + 64 + 1)
    put("ima_file_hash_long", line.replace("22 ", "22" * 34 + " ") + "\n", "LOG_FORM", at_file + 7 + 62 + 68 + 1)
    put("ima_file_hash_none", line.replace("22" * 32, "") + "\n", "LOG_FORM", at_file + 7 + 1)
    put("ima_file_hash_odd", line.replace("22 ", "2 ") + "\n", "LOG_FORM", at_file + 7 + 64)
    put("ima_file_hash_digit", line.replace("22 ", "2g ") + "\n", "LOG_FORM", at_file + 7 + 65)
    sig = ima_line(name="ima-sig")
    put("ima_sig_odd", sig + " 030\n", "LOG_FORM", len(sig) + 1)
    put("ima_sig_digit", sig + " 0g\n", "LOG_FORM", len(sig) + 1)
    put("ima_line_large", ima_line(path="/" * 65536) + "\n", "LOG_LIMIT", 0)


# ---- AAEL ----

def aael():
    init = "INIT sha384/" + "0" * 96 + "\n"
    def ok(name, *lines, end="\n"):
        every = (init[:-1],) + lines
        good(name, "\n".join(every) + end, *((3, SHA384(l.encode()), "w") for l in every))

    ok("aael_good", "domain event operation", "domain event2 operation", end="")
    ok("aael_good_init_alone")
    ok("aael_good_no_content", "a b")
    ok("aael_good_content_spaces", 'a b {"c": "d e"}')
    put("aael_sha256", "INIT sha256/" + "0" * 64 + "\na b c\n", "LOG_ALGORITHM", 0)
    put("aael_sm3", "INIT sm3/" + "0" * 64 + "\n", "LOG_ALGORITHM", 5)
    put("aael_sha1", "INIT sha1/" + "0" * 40 + "\n", "LOG_ALGORITHM", 5)
    put("aael_init_short", "INIT sha384/" + "0" * 95 + "\n", "LOG_FORM", 12)
    put("aael_init_value", "INIT sha384/" + "0" * 95 + "1\n", "LOG_FORM", 12 + 95)
    put("aael_one_word", init + "ab\n", "LOG_FORM", len(init))
    put("aael_no_domain", init + " b c\n", "LOG_FORM", len(init))
    put("aael_empty_line", init + "\na b c\n", "LOG_FORM", len(init))
    put("aael_delete", init + "a b c\x7f\n", "LOG_FORM", len(init) + 5)
    put("aael_carriage_return", init + "a b c\r\n", "LOG_FORM", len(init) + 5)


tcg(), dstack(), ima(), aael()
put("nothing", b"", "BYTES_SHORT", 0)
put("space", b"   ", "BYTES_SHORT", 0)
put("text", b"hello, this is no log of any form at all", "LOG_FORM", 0)
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for old in folder.iterdir():
    old.unlink()
for name, (content, _, _) in files.items():
    (folder / name).write_bytes(content)
table = "".join(f"{name} {reason} {offset}\n" for name, (_, reason, offset) in sorted(files.items()))
(folder / "expected.txt").write_text(table)
assert sorted(replays) == sorted(n for n, f in files.items() if f[1] == "OK")
(folder.parent / "log_registers.txt").write_text("".join(" ".join([n, *replays[n]]) + "\n" for n in sorted(replays)))
