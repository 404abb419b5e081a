#!/usr/bin/env python3
"""Prompts and answers appear in no log, metric, error, state or temporary file: not after an answer, not after a refusal,
not after every process was killed in the middle of one."""
import glob
import json
import os

from harness import NAME, World, done, ok, rest, slurp

CANARY = 'zyxcanary91'


def files(*tops):
    for top in tops:
        for folder, _, names in os.walk(top):
            yield from (os.path.join(folder, n) for n in names)


with World() as w:
    before = set(files('/dev/shm')) | set(glob.glob('/tmp/*'))
    w.env['TMPDIR'] = w.dir + '/tmp'
    os.mkdir(w.dir + '/tmp')
    w.serve()
    answer = w.ask(f'Say {CANARY} many times: {CANARY} {CANARY}', 24)
    ok(answer['done'] and len(answer['response']) > 10, 'an answer', answer)
    told = [answer['response'][:24].encode(), CANARY.encode()]
    replies = []
    for path, body in (
            ('/api/generate', {'model': NAME, 'prompt': CANARY, 'options': {'temperature': CANARY}}),
            ('/api/generate', {'model': NAME, 'prompt': {CANARY: 1}}),
            ('/api/chat', {'model': NAME, 'messages': [{'role': 'user', 'content': [CANARY]}]}),
            ('/api/chat', {'model': NAME, 'messages': [{'role': 'user', 'content': CANARY, 'images': [CANARY]}]}),
            ('/api/generate', ('{"model":"' + NAME + '","prompt":"' + CANARY + '\n"}').encode()),
            ('/api/generate', ('{"model":"' + NAME + '","prompt":"' + CANARY + '"').encode()),
            ('/v1/chat/completions', {'model': NAME, 'messages': [{'role': 'user', 'content': CANARY}], 'max_tokens': -1}),
            ('/v1/chat/completions', {'model': NAME, 'messages': [{'role': 'user', 'content': CANARY}], 'response_format': {'type': CANARY}}),
            ('/api/generate', {'model': NAME, 'prompt': (CANARY + ' ') * 20000})):
        status, reply = w.post(path, body)
        if status != 200:
            replies.append(reply)
    ok(len(replies) >= 5 and not any(CANARY.encode() in r for r in replies), 'no error repeats what was asked', replies)

    # Each process in turn, in the middle of an answer that streams.
    for role in ('engine', 'keeper', 'gateway'):
        tokens = 30 if role == 'keeper' else 3000  # the keeper's end is nothing to an answer, which comes to its own
        s, text = w.stream('/api/generate', {**w.STORY, 'prompt': f'{CANARY} ' * 12, 'raw': True,
                                             'options': {'num_predict': tokens, 'temperature': 0, 'repeat_penalty': 1}}, 1)
        old = w.role(role)
        ok(w.kill_role(role), f'kill -9 of the {role} during an answer')
        text = rest(s, text)
        if role == 'keeper':
            ok(b'"done_reason":"length"' in text, 'which comes to its end', text[-300:])
        elif role == 'engine':
            error = next((line for line in text.splitlines() if b'"error"' in line), b'')
            ok(b'ENGINE_GONE' in error and CANARY.encode() not in error, 'its error says ENGINE_GONE and nothing of the question', text[-300:])
        ok(w.replaced(role, old) and w.ready() and w.ask('Hello')['done'], f'{role}: the next question is answered')
    metrics = w.get('/metrics')[1] + w.get('/readyz')[1]
    ok(metrics and not any(t in metrics for t in told), 'not in /metrics or /readyz')
    seen = [f for f in files(w.dir) if not f.startswith(w.dir + '/models/') and any(t in slurp(f) for t in told)]
    ok(not seen, 'not in a log or state file', seen)
    ok(slurp(w.log), 'there is a log')
    new = [f for f in (set(files('/dev/shm')) | set(glob.glob('/tmp/*'))) - before if os.path.isfile(f) and CANARY.encode() in slurp(f)]
    ok(not new, 'not in a temporary file', new)
    ok(not glob.glob('core*') and not [f for f in files(w.dir) if os.path.basename(f).startswith('core')], 'no core file')
    # The roles cannot leave one either.
    for role in ('engine', 'gateway'):
        limits = slurp(f'/proc/{w.role(role)}/limits').decode()
        soft = next((x.split()[4] for x in limits.splitlines() if x.startswith('Max core file size')), None)
        ok(soft == '0', f'the {role} writes no core file', limits)
    w.stop()
    seen = [f for f in files(w.dir) if not f.startswith(w.dir + '/models/') and any(t in slurp(f) for t in told)]
    ok(not seen, 'nor after the end', seen)
done()
