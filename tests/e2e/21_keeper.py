#!/usr/bin/env python3
"""The keeper dies at any moment of a start, and evidence verifies afterwards; a register that somebody else extended stops
the next start, by name, before anything listens."""
import os
import random
import time

from harness import World, done, ok, refuted, slurp, until

with World() as w:
    w.serve()
    ok(w.verified(), 'a start: simulated')
    w.stop()
    w.serve()
    ok(w.verified(), 'a second start in the same boot: simulated')
    w.stop()

    # The extensions come within some milliseconds of a start: many starts, killed at moments close together.
    draw, pending, killed, bad = random.Random(5), 0, 0, []
    for n in range(40):
        w.launch()
        if until(lambda: w.role('keeper') is not None, 10):
            log = w.dir + '/service/event_log'
            size = len(slurp(log))
            if n % 2:  # from the first event of this start on
                end = time.monotonic() + 10
                while len(slurp(log)) == size and time.monotonic() < end and w.service.poll() is None:
                    pass
            time.sleep(draw.random() * 0.02)
            killed += w.kill_role('keeper')
        _ = w.service.poll()
        w.stop(9)
        time.sleep(0.1)
        pending += os.path.exists(w.dir + '/service/pending')
        if n % 10 == 9:
            w.serve()
            code, verdict = w.verify()
            if code != 10:
                bad.append(f'{n}: {code} {refuted(verdict)}')
            w.stop()
    ok(killed >= 30, f'the keeper was killed {killed} times during a start, {pending} times with an event on its way')
    ok(not bad, 'each time the next whole start verifies', '\n'.join(bad))

    # The keeper alone: the service starts another one, or ends; then the next start is fine.
    w.launch()
    until(lambda: w.role('keeper') is not None, 10)
    w.kill_role('keeper')
    if not w.ready():
        w.launch()
    ok(w.ready() and w.verified(), 'a keeper that died during a start: evidence verifies', slurp(w.log)[-2000:].decode(errors='replace'))

    # Extended by another program while the service runs: evidence no longer holds.
    ok(w.platform.extend(3, b'\x5a' * 48), 'another program extends RTMR3')
    code, verdict = w.verify()
    ok(code in (1, 11, 12), f'evidence is not affirmed any more: {code} {refuted(verdict)}', verdict)
    w.stop()
    w.launch(log=w.dir + '/stopped.log')
    listened = []
    until(lambda: w.service.poll() is not None or (w.get('/healthz')[0] != 0 and listened.append(1)), 60)
    text = slurp(w.dir + '/stopped.log').decode(errors='replace')
    ok(w.service.poll() not in (None, 0) and 'REGISTER_UNEXPLAINED' in text.strip().splitlines()[-1], 'the next start stops: REGISTER_UNEXPLAINED', text[-2000:])
    ok(not listened, 'and nothing listened')
    w.platform.reboot()
    w.serve()
    ok(w.verified(), 'after the next boot it verifies again')
done()
