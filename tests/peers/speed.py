#!/usr/bin/env python3
"""How long a verification takes here and in the crate dcap-qvl 0.7.1 (ring): the same quote and collateral, in memory,
in turn, in processor time. Prints the ratio of each, minimum, median, maximum over the rounds. Outside ./check, as run.py.

    speed.py SOTTO QUOTE COLLATERAL_FOLDER SECONDS [ROUNDS]      SECONDS: the time as of which both judge
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import run

COUNT = 200  # verifications of a round


def main():
    sotto, quote, source, time = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 25
    peer = run.build_dcap_qvl()
    ours = [sotto, 'bench', 'verify', quote, '--collateral', source, '--time', time, '--rounds', '10', '--json']
    ratios = {'cold / dcap-qvl': [], 'warm / dcap-qvl': [], 'dcap-qvl / nine P-256 of OpenSSL': []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / 'case'
        run.case(folder, quote, source, 'tcb_info.json', time)
        for _ in range(rounds):
            theirs = float(subprocess.run([peer, folder, str(COUNT)], check=True, capture_output=True, text=True).stdout)
            figures = json.loads(subprocess.run(ours, check=True, capture_output=True, text=True).stdout)
            median = {name: values[1] for name, values in figures.items() if isinstance(values, list)}
            for name, value in zip(ratios, (median['cold_us'] / theirs, median['warm_us'] / theirs,
                                            theirs / median['nine_p256_us'])):
                ratios[name].append(value)
    for name, values in ratios.items():
        values.sort()
        print(f'{name:34} {values[0]:.3f} / {values[len(values) // 2]:.3f} / {values[-1]:.3f}')


if __name__ == '__main__':
    main()
