#!/usr/bin/env python3
"""The same inputs before verifiers of other people and before ours; every disagreement that docs/differences.md does not
explain is an error. Outside ./check: it needs cargo and go, and fetches what they need.

    run.py BUILD_FOLDER [VECTORS]      VECTORS: the folder `tdx` of real quotes, where there is one

Of the crate the version is pinned and its own dependencies are not: a lock file would name a registry, which no file of this
tree does.

Inputs are the cases of tests/unit/verify/cases, which the simulator signs, and each quote of VECTORS with each of its
collateral sets. differences.tsv beside this file says what is explained: peer, pattern of the case's name, pattern of
the peer's answer, section of docs/differences.md. A row that explains nothing is an error too.
"""
import base64
import csv
import fnmatch
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = {'pck_crl_issuer_chain.pem': ['pck_crl_issuer_chain*.pem'], 'tcb_info_issuer_chain.pem': ['tcb_info_issuer_chain*.pem'],
         'qe_identity_issuer_chain.pem': ['qe_identity_issuer_chain*.pem'], 'root_ca_crl.der': ['root_ca_crl*.der']}
# What only a policy of ours can demand: no peer has it.
POLICY_FACTS = ('measurements', 'platform', 'tcb_evaluation', 'debug')


TARGET = Path(tempfile.gettempdir()) / 'sotto-peers'


def build_dcap_qvl():
    subprocess.run(['cargo', 'build', '--release', '--target-dir', TARGET], cwd=HERE / 'dcap-qvl', check=True)
    return TARGET / 'release' / 'peer-dcap-qvl'


def build():
    """Peer's name and command."""
    dcap_qvl = build_dcap_qvl()
    subprocess.run(['go', 'build', '-o', TARGET / 'go-peer', '.'], cwd=HERE / 'go-tdx-guest', check=True)
    return {'dcap-qvl': dcap_qvl, 'go-tdx-guest': TARGET / 'go-peer'}


def simulated(build_folder, root):
    """The cases, each a folder below root: its name and our answer."""
    subprocess.run([build_folder / 'tests/unit/verify/test_cases', '--export', root], check=True)
    answers = {}
    for folder in sorted(root.iterdir()):
        name, policy, fact, state, reason, seen = (folder / 'expected.tsv').read_text().rstrip('\n').split('\t')
        if fact in POLICY_FACTS or state == 'unknown':
            continue
        if fact == 'tcb_status' and seen:
            answers[folder.name] = (f'sim: {name}', f'accepted {seen}' if seen != 'TcbNotSupported' else 'refused')
        elif policy == '' or state == 'affirmed':
            answers[folder.name] = (f'sim: {name}', 'accepted UpToDate' if state == 'affirmed' else f'refused {reason}')
    return answers


def copy(source, target):
    if source is not None:
        target.write_bytes(source.read_bytes())


def first(folder, *patterns):
    return next((f for p in patterns for f in sorted(folder.glob(p))), None)


def case(folder, quote_file, source, tcb_info, time):
    """A quote and its collateral, in the names that the peers' programs read."""
    quote = quote_file.read_bytes()
    ca = 'processor' if processor(quote) else 'platform'
    folder.mkdir()
    (folder / 'quote.bin').write_bytes(quote)
    (folder / 'time').write_text(time)
    copy(source / tcb_info, folder / 'tcb_info.json')
    tee = 'tdx' if quote[4] == 0x81 else 'sgx'
    copy(first(source, f'{tee}_qe_identity.json', 'qe_identity.json'), folder / 'qe_identity.json')
    copy(first(source, f'pck_crl_{ca}.der', 'pck_crl.der'), folder / 'pck_crl.der')
    for name, patterns in FILES.items():
        copy(first(source, name, *patterns), folder / name)
    chain = (folder / 'tcb_info_issuer_chain.pem').read_text()
    (folder / 'root.der').write_bytes(base64.b64decode(chain.split('-----BEGIN CERTIFICATE-----')[-1].split('-----END')[0]))


def recorded(vectors, root):
    """Rows of expected.tsv that have an instant."""
    answers = {}
    for number, row in enumerate(csv.DictReader(open(vectors / 'expected.tsv'), delimiter='\t')):
        if row['verify_at'] == '-':
            continue
        folder = root / f'real-{number:03}'
        case(folder, vectors / 'quotes' / row['quote'], vectors / 'collateral' / row['collateral'], row['tcb_info_file'],
             row['verify_at'])
        answers[folder.name] = (f'real: {row["quote"]} {row["collateral"]}',
                                f'accepted {row["final_status"]}' if row['final_status'] != 'TcbNotSupported' else 'refused')
    return answers


def processor(quote):
    """Whether the PCK's issuer is a processor CA: its name stands in the leaf's DER."""
    start = quote.find(b'-----BEGIN CERTIFICATE-----')
    body = quote[start + 27:quote.find(b'-----END', start)]
    return b'Processor CA' in base64.b64decode(body)


def run(command, root):
    out = subprocess.run([command, root], check=True, capture_output=True, text=True).stdout
    return dict(line.split('\t', 1) for line in out.splitlines())


def same(ours, theirs):
    if ours.startswith('refused'):
        return theirs.startswith('refused')
    return theirs == ours or theirs == 'accepted'  # go-tdx-guest says no status: it accepts UpToDate only


def main():
    build_folder = Path(sys.argv[1])
    explained = [line.split('\t') for line in (HERE / 'differences.tsv').read_text().splitlines() if line]
    unexplained, counts, used = 0, {}, set()
    peers = build()
    with tempfile.TemporaryDirectory() as scratch:
        sets = []
        root = Path(scratch) / 'sim'
        root.mkdir()
        sets.append((root, simulated(build_folder, root)))
        if len(sys.argv) > 2:
            root = Path(scratch) / 'real'
            root.mkdir()
            sets.append((root, recorded(Path(sys.argv[2]), root)))
        for peer, command in peers.items():
            for root, answers in sets:
                if peer == 'go-tdx-guest' and root.name == 'sim':
                    continue  # it takes certificates of Intel's names only
                for case, theirs in run(command, root).items():
                    if case not in answers:
                        continue
                    name, ours = answers[case]
                    row = next((e for e in explained if e[0] == peer and fnmatch.fnmatchcase(name, e[1]) and
                                fnmatch.fnmatchcase(theirs, e[2])), None)
                    key = 'equal' if same(ours, theirs) else row[3] if row else 'UNEXPLAINED'
                    used |= set() if key in ('equal', 'UNEXPLAINED') else {tuple(row)}
                    counts[(peer, root.name, key)] = counts.get((peer, root.name, key), 0) + 1
                    if key == 'UNEXPLAINED':
                        unexplained += 1
                        print(f'{peer}\t{name}\tours: {ours}\ttheirs: {theirs}')
    for row in explained:
        if tuple(row) not in used and (len(sys.argv) > 2 or row[1].startswith('sim: ')):
            unexplained += 1
            print('\t'.join(row), 'explains nothing', sep='\t')
    for key, count in sorted(counts.items()):
        print('\t'.join(key), count, sep='\t')
    return unexplained > 0


if __name__ == '__main__':
    sys.exit(main())
