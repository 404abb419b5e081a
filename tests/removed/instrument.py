#!/usr/bin/env python3
"""Copies of the verifier's sources in which each check can be removed at run time (tests/removed/removed.h).

    instrument.py SOURCE_ROOT OUT_FOLDER FILE...     writes OUT_FOLDER/FILE (slashes as underscores) and checks.tsv

The sources themselves have no hook: what is a check is read from how this tree is written. A check is
  - the condition of an `if` that ends in FAIL(), err_set(), fact_refute() or fact_unknown(): each alternative of it by itself;
  - `... || FAIL()`;
  - the condition whose else-branch refutes: each part of it by itself, taken for true;
  - a call of one of CALLS, taken for true (or left out).
"""
import re
import sys
from pathlib import Path

CALLS = ('cursor_end', 'sig_check', 'serial_check', 'crl_check', 'link_check', 'place_check', 'chain_check',
         'components_reach', 'json_only')
STATEMENTS = ('time_check',)
VERDICTS = re.compile(r'\b(FAIL|err_set|fact_refute|fact_unknown)\(')


def blank(text):
    """The same length, with strings and comments blanked out."""
    pattern = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r'[^\n]', ' ', m.group()), text)


def match_back(code, at, opening, closing):
    """Where the bracket that `at` closes (or stands inside of) was opened."""
    depth = 0
    for i in range(at, -1, -1):
        if code[i] == closing:
            depth += 1
        elif code[i] == opening:
            if depth == 0:
                return i
            depth -= 1
    return -1


def match(code, at):
    depth = 0
    for i in range(at, len(code)):
        depth += (code[i] == '(') - (code[i] == ')')
        if depth == 0:
            return i
    return -1


def head(code, brace):
    """What stands before a block: ('if'|'else if'|'else'|'', from and to of the condition)."""
    before = code[:brace].rstrip()
    if before.endswith('else'):
        return 'else', 0, 0
    if not before.endswith(')'):
        return '', 0, 0
    opened = match_back(code, len(before) - 2, '(', ')')
    word = code[:opened].rstrip()
    if word.endswith('else if'):
        return 'else if', opened + 1, len(before) - 1
    return ('if' if re.search(r'\bif$', word) else ''), opened + 1, len(before) - 1


def parts(code, begin, end, operator):
    """The condition's parts at its top level."""
    out, depth, start, i = [], 0, begin, begin
    while i < end:
        depth += (code[i] in '([') - (code[i] in ')]')
        if depth == 0 and code.startswith(operator, i):
            out.append((start, i))
            i += 2
            start = i
            continue
        if depth == 0 and code[i] == '?':
            return [(begin, end)]
        i += 1
    out.append((start, end))
    return out


def previous_block(code, brace):
    """Of an else-branch at `brace`: the brace that opens the branch before it."""
    closing = code[:brace].rstrip()[: -len('else')].rstrip()
    return match_back(code, len(closing) - 2, '{', '}') if closing.endswith('}') else -1


def sites(code, text):
    """(from, to, form) of each check; form 'stop': the condition is never true; 'pass': it always is."""
    found = {}
    for m in VERDICTS.finditer(code):
        before = code[: m.start()].rstrip()
        line = code.rfind('\n', 0, m.start()) + 1
        if re.match(r'\(err, REASON_(NO_MEMORY|CRYPTO_FAILED|INTERNAL)', text[m.end() - 1:]):
            continue  # what the machine lacks, or we do wrong, is no check of the evidence
        if code[line:m.start()].lstrip().startswith(('#', 'void', 'bool', 'static')):
            continue
        if before.endswith('||'):
            found[(m.start(), match(code, m.end() - 1) + 1)] = 'pass'
            continue
        brace = match_back(code, m.start(), '{', '}')
        word, begin, end = head(code, brace)
        if word in ('if', 'else if'):
            for p in parts(code, begin, end, '||'):
                found[p] = 'stop'
        elif word == 'else' and m.group(1) == 'fact_refute':
            block = previous_block(code, brace)
            while block >= 0:
                word, begin, end = head(code, block)
                body = code[block:code.find('}', block)]
                if 'fact_affirm' in body or word == 'if':
                    break
                block = previous_block(code, code.rfind('else', 0, block) and block) if word == 'else if' else -1
                if word == 'else if':
                    start = code.rfind('else if', 0, begin)
                    block = match_back(code, len(code[:start].rstrip()) - 2, '{', '}')
            if block >= 0 and word in ('if', 'else if'):
                for p in parts(code, begin, end, '&&'):
                    found[p] = 'pass'
    for m in re.finditer(r'\b(' + '|'.join(CALLS + STATEMENTS) + r')\(', code):
        line = code.rfind('\n', 0, m.start()) + 1
        if re.match(r'(static )?(bool|void|MUST_USE)\b', code[line:m.start()].strip()) or code[line] not in ' \t':
            continue
        end = match(code, m.end() - 1) + 1
        found[(m.start(), end)] = 'statement' if m.group(1) in STATEMENTS else 'pass'
    return found


def instrument(text, name, first, rows):
    code = blank(text)
    edits = []
    for number, ((begin, end), form) in enumerate(sorted(sites(code, text).items()), first):
        begin += len(code[begin:end]) - len(code[begin:end].lstrip())
        what = ' '.join(text[begin:end].split())
        rows.append((number, name, text.count('\n', 0, begin) + 1, form, what[:150]))
        opening, closing = {'stop': (f'(!check_is_removed({number}) && check_stops({number}, (', ')))'),
                            'pass': (f'(check_is_removed({number}) || check_passes({number}, (', ')))'),
                            'statement': (f'if (!check_is_removed({number}) && check_stops({number}, true)) ', '')}[form]
        edits += [(begin, 1, number, opening), (end, 0, -number, closing)]
    for at, _, _, insert in sorted(edits, reverse=True):
        text = text[:at] + insert + text[at:]
    return text


def main():
    root, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in sys.argv[3:]:
        text = instrument((root / name).read_text(), name, len(rows) + 1, rows)
        (out / name.replace('/', '_')).write_text(f'#line 1 "{name}"\n' + text)
    (out / 'checks.tsv').write_text(''.join('\t'.join(map(str, r)) + '\n' for r in rows))


main()
