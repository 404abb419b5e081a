#!/usr/bin/env python3
"""The same model, question, options and seed give the same text: alone or in a crowd, on one thread or four, streamed or
whole, by Ollama's API, OpenAI's, or `sotto run`; a stop text cuts that text and changes nothing before it."""
import json
import random
import threading

from harness import NAME, SOTTO, World, done, ok, run

QUESTION = 'Write a few lines in English, in German and in Chinese.'
MESSAGES = [{'role': 'user', 'content': QUESTION}]
WILD = {'temperature': 1.2, 'top_k': 0, 'top_p': 1, 'repeat_penalty': 1}
ROWS = [  # path, request
    ('/api/chat', {'messages': MESSAGES, 'options': {'seed': 1, 'num_predict': 24}}),
    ('/api/chat', {'messages': MESSAGES, 'options': {'seed': 2, 'num_predict': 24, **WILD}, 'logprobs': True, 'top_logprobs': 20}),
    ('/api/chat', {'messages': MESSAGES, 'options': {'seed': 3, 'num_predict': 24, 'temperature': 1, 'mirostat': 2}}),
    ('/api/generate', {'prompt': QUESTION, 'raw': True, 'options': {'seed': 4, 'num_predict': 24, 'temperature': 1, 'typical_p': 0.6,
                                                                    'repeat_last_n': -1, 'frequency_penalty': 0.5}}),
    ('/api/chat', {'messages': MESSAGES, 'format': 'json', 'options': {'seed': 5, 'num_predict': 24, 'temperature': 1}}),
    ('/v1/chat/completions', {'messages': MESSAGES, 'seed': 6, 'max_tokens': 24, 'n': 3, 'logprobs': True, 'top_logprobs': 2}),
    ('/v1/completions', {'prompt': QUESTION, 'seed': 7, 'max_tokens': 24, 'logprobs': 3}),
    ('/api/embed', {'input': [QUESTION, 'Another text.']}),
]


def ask(w, path, body, stream=False):
    """What depends on the model alone."""
    status, reply = w.post(path, {'model': NAME, **body, **({} if 'embed' in path else {'stream': stream})})
    if status != 200:
        return {'status': status, 'reply': reply.decode(errors='replace')}
    if stream:
        lines = [line.removeprefix(b'data: ') for line in reply.split(b'\n')]
        return together([json.loads(line) for line in lines if line.startswith(b'{')])
    return together([json.loads(reply)])


def together(parts):
    out = {}
    for p in parts:
        for c in p.get('choices', [p]):
            said = c.get('message') or c.get('delta') or c
            mine = out.setdefault(c.get('index', 0), {'text': '', 'logprobs': [], 'end': None})
            mine['text'] += said.get('content', said.get('response', said.get('text', ''))) or ''
            odds = c.get('logprobs') or []
            if isinstance(odds, dict):
                odds = odds.get('content') or list(zip(odds.get('tokens', []), odds.get('token_logprobs', []), odds.get('text_offset', [])))
            mine['logprobs'] += odds
            mine['end'] = c.get('done_reason') or c.get('finish_reason') or mine['end']
            mine['vectors'] = p.get('embeddings')
    return out


def crowd(w):
    """All at once, each three times, behind a client that leaves in the middle and one that waits in vain."""
    work = ROWS * 3
    random.Random(1).shuffle(work)
    got, leaving = [None] * len(work), [w.stream('/api/generate', World.STORY, pieces=n)[0] for n in (1, 0)]
    threads = [threading.Thread(target=lambda i=i, r=r: got.__setitem__(i, (r, ask(w, *r, stream=i % 2 == 1)))) for i, r in enumerate(work)]
    for t in threads:
        t.start()
    for s in leaving:
        s.close()
    for t in threads:
        t.join()
    return got


def cut(text, stops):
    """By a search of the whole: up to the stop that is whole first, the longest of those that end there."""
    ends = [(text.find(s) + len(s), -len(s)) for s in stops if s in text]
    return text[:sum(min(ends))] if ends else text


with World() as w:
    conf = {n: w.configure(f'{w.dir}/threads{n}.conf', threads=n) for n in (1, 4)}
    w.write_policy(w.policy, w.reference(conf[1]))
    w.serve(conf[1])
    alone = [ask(w, *r) for r in ROWS]
    ok(all(0 in a and (a[0]['text'] or a[0]['vectors']) for a in alone), 'answers, one after another', alone)
    ok(alone == [ask(w, *r) for r in ROWS], 'the same once more')
    ok(len({c['text'] for c in alone[5].values()}) == 3, 'three choices are three texts', alone[5])
    path, body = ROWS[5]
    ok(ask(w, path, {**body, 'n': 1})[0] == alone[5][0], 'the first of them is that of a single one')
    status, reply = w.post(path, {'model': NAME, **body})
    usage = json.loads(reply)['usage']
    ok(usage['completion_tokens'] > 24 and usage['total_tokens'] == usage['prompt_tokens'] + usage['completion_tokens'], 'usage counts all of them', usage)
    r = run(SOTTO, 'run', NAME, QUESTION, '--url', w.url, '--policy', w.policy, '--seed', '2', '--num-predict', '24', '--options', json.dumps(WILD), '--json', env=w.env)
    ok(r.returncode == 0 and json.loads(r.stdout)['answer'] == alone[1][0]['text'], 'sotto run: the same text', r.stderr + r.stdout)
    got = crowd(w)
    ok(all(g == alone[ROWS.index(r)] for r, g in got), 'the same in a crowd, streamed or not', [r for r, g in got if g != alone[ROWS.index(r)]])

    path, body = ROWS[1]
    text = alone[1][0]['text']
    r, bad = random.Random(2), []
    for i in range(12):
        at = [r.randrange(len(text) - 2) for _ in range(2)]
        stops = [text[a:a + r.randrange(1, 6)] for a in at]
        answers = [ask(w, path, {**body, 'options': {**body['options'], 'stop': stops}}, stream) for stream in (False, True)]
        want = cut(text, stops)
        spoken = b''.join(bytes(t['bytes']) for t in answers[0][0]['logprobs'])
        if not (answers[0] == answers[1] and answers[0][0]['text'] == want and answers[0][0]['end'] == 'stop' and spoken.startswith(want.encode())):
            bad.append((stops, want, answers))
    ok(not bad, 'stop texts cut what comes without them, streamed or not', bad)
    odds = alone[1][0]['logprobs']
    ok(all(t['logprob'] <= t['top_logprobs'][0]['logprob'] and len(t['top_logprobs']) == 20 for t in odds), 'twenty alternatives, the best first')
    ok(b''.join(bytes(t['bytes']) for t in odds) == text.encode(), 'the bytes of the tokens are the text', odds)
    w.stop()

    w.platform.reboot()
    w.write_policy(w.policy, w.reference(conf[4]))
    w.serve(conf[4])
    got = crowd(w)
    ok(all(g == alone[ROWS.index(r)] for r, g in got), 'the same on four threads, in a crowd', [r for r, g in got if g != alone[ROWS.index(r)]])
done()
