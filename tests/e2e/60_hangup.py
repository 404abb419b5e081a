#!/usr/bin/env python3
"""A client that hangs up ends its computation; SIGTERM lets answers finish; SIGKILL of everything, at any moment, leaves a
state and a store that the next start accepts."""
import json
import random
import signal
import socket
import time

from harness import MODEL, NAME, SOTTO, World, alive, done, ok, rest, run, slurp, start, until

with World() as w:
    w.serve()

    def computed():
        """What the engine has computed so far, in ticks of its processor time."""
        fields = slurp(f"/proc/{w.role('engine')}/stat").decode().rsplit(')', 1)[1].split()
        return int(fields[11]) + int(fields[12])

    story = w.STORY['prompt']
    for path, body in (('/api/generate', w.STORY),
                       ('/api/chat', {'messages': [{'role': 'user', 'content': story}], 'options': w.STORY['options']}),
                       ('/v1/chat/completions', {'messages': [{'role': 'user', 'content': story}], 'max_tokens': 3000, 'temperature': 0, 'stream': True})):
        cancelled = w.metric('answers_cancelled_total')
        s, _ = w.stream(path, body)
        ok(w.metric('num_requests_running') == 1, f'{path}: an answer is computed')
        s.close()
        ok(until(lambda: w.metric('num_requests_running') == 0, 20), f'{path}: it ends with its client')
        ok(w.metric('answers_cancelled_total') == cancelled + 1, f'{path}: and is counted as cancelled')
        before = computed()
        time.sleep(1)  # 100 ticks a core, if it went on
        ok(computed() - before <= 25, f'{path}: nothing is computed after that', computed() - before)

    # In the middle of a long prompt, which is computed in chunks: what follows is a small part of the work.
    data = json.dumps({'model': NAME, 'prompt': 'word ' * 3000, 'options': {'num_predict': 1}}).encode()
    begun, before = time.monotonic(), computed()
    reading = socket.create_connection(('127.0.0.1', w.port), timeout=300)
    reading.sendall(f'POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n'.encode() + data)
    while reading.recv(65536).count(b'"done":true') == 0:
        pass
    whole, work = time.monotonic() - begun, computed() - before
    for n in range(3):
        reading = socket.create_connection(('127.0.0.1', w.port), timeout=300)
        reading.sendall(f'POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n'.encode() + data)
        before = computed()
        ok(until(lambda: computed() > before, 60), 'a prompt is read')
        reading.close()
        before = computed()
        answered = w.ask('Hi', 1, raw=True)['done']
        after = computed() - before
        ok(answered and after <= 5 + work / 20, 'a client that leaves while its prompt is read: hardly anything is computed after that', f'{after} of {work} ticks')

    # One that waits for its turn is not computed at all.
    first, _ = w.stream('/api/generate', w.STORY)
    waiting, _ = w.stream('/api/generate', w.STORY, 0)
    ok(until(lambda: (w.metric('num_requests_waiting') or 0) >= 1, 20), 'a second one waits')
    waiting.close()
    ok(until(lambda: w.metric('num_requests_waiting') == 0, 20), 'and is forgotten when its client leaves')
    first.close()
    ok(until(lambda: w.metric('num_requests_running') == 0, 20) and w.ask('Hello')['done'], 'the next question is answered')

    # Drain.
    s, text = w.stream('/api/generate', {'prompt': story, 'options': {'num_predict': 12, 'temperature': 0}}, 1)
    w.service.send_signal(signal.SIGTERM)
    text = rest(s, text)
    ok(b'"done_reason":"length"' in text, 'SIGTERM: the answer under way comes to its end', text)
    ok(w.stop() == 0, 'and the service ends with 0')
    w.serve()
    s, _ = w.stream('/api/generate', w.STORY)
    begun = time.monotonic()
    w.service.send_signal(signal.SIGTERM)
    ok(until(lambda: w.service.poll() is not None, 30), 'an answer without end does not hold it up', f'{time.monotonic() - begun:.1f} s')
    s.close()

    # SIGKILL of the parent: nothing survives it. Then of everything, at random moments of a start.
    w.serve()
    roles = [w.role(r) for r in ('keeper', 'engine', 'gateway')]
    w.stop(signal.SIGKILL)
    ok(until(lambda: not any(map(alive, roles)), 20), 'SIGKILL of the parent: its processes end too', roles)
    draw, bad = random.Random(11), []
    for n in range(6):
        w.launch()
        time.sleep(draw.random() * 1.5)
        for r in draw.sample(['keeper', 'engine', 'gateway'], 3):
            w.kill_role(r)
        w.stop(signal.SIGKILL)
        time.sleep(0.3)
    w.launch()
    ok(w.ready() and w.verified(), 'SIGKILL of everything during six starts: the next start is accepted, and verifies', slurp(w.log)[-3000:].decode(errors='replace'))
    w.stop()

    # The store: an import that is killed leaves what was there.
    for n in range(8):
        p = start(SOTTO, 'create', f'other{n}', '--from', MODEL, log=w.dir + '/create.log', env=w.env)
        time.sleep(draw.random() * 0.3)
        p.kill()
        p.wait()
    listed = run(SOTTO, 'list', '--json', env=w.env)
    ok(listed.returncode == 0 and any(m['name'] == NAME for m in json.loads(listed.stdout)['models']), 'imports that were killed: the store is readable', listed.stdout + listed.stderr)
    whole = all(run(SOTTO, 'show', m['name'], '--json', env=w.env).returncode == 0 for m in json.loads(listed.stdout)['models'])
    ok(whole, 'every model that it lists is whole')
    r = run(SOTTO, 'create', 'other', '--from', MODEL, env=w.env)
    ok(r.returncode == 0, 'the next import works', r.stderr)
    w.serve()
    ok(w.ask('Hello')['done'] and w.verified(), 'and the service starts on that store')
done()
