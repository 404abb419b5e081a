#!/usr/bin/env python3
"""What hostile or careless askers send: the right status and reason, the service still answers, and no process died."""
import base64
import json
import os
import random
import socket
import ssl
import time

from harness import ATTESTD, NAME, World, done, free_ports, ok, run, slurp, SOTTO, start, until

CONTEXT = 512  # so that filling it takes little, with sanitizers too


def statuses(reply):
    return [line.split()[1] for line in reply.split(b'\r\n') if line.startswith(b'HTTP/1.')]


def form(**more):
    return {'model': NAME, 'prompt': 'hello', 'stream': False, 'options': {'num_predict': 1}, **more}


def covered(document):
    """What a document says, without what nothing covers (docs/formats.md, section 8)."""
    d = json.loads(bytes(document))
    d['nonce'] = d['nonce'].lower()
    d['collateral'].pop('pck_crl_issuer_chain.pem')
    return {k: v for k, v in d.items() if k not in ('boot_log', 'log_in')}


def options(**more):
    return form(options={'num_predict': 1, **more})


def chat(**more):
    return {'model': NAME, 'messages': [{'role': 'user', 'content': 'hello'}], 'stream': False, 'options': {'num_predict': 1}, **more}


with World() as w:
    w.configure(w.conf, context=CONTEXT)
    w.write_policy(w.policy)
    w.serve()
    roles = {r: w.role(r) for r in ('keeper', 'engine', 'gateway')}

    for name, path, body, want in (
            ('no body', '/api/generate', b'', (400,)),
            ('no JSON', '/api/generate', b'{', (400,)),
            ('bytes behind JSON', '/api/generate', b'{} {}', (400,)),
            ('no UTF-8', '/api/generate', b'{"model":"\xff"}', (400,)),
            ('a member twice', '/api/generate', b'{"model":"a","model":"b"}', (400,)),
            ('an array', '/api/generate', b'[]', (400,)),
            ('nesting', '/api/chat', b'[' * 100000, (400,)),
            ('a number too large', '/api/generate', b'{"model":"' + NAME.encode() + b'","options":{"seed":1e999}}', (400,)),
            ('model is a number', '/api/generate', form(model=1), (400,)),
            ('no model', '/api/generate', {'prompt': 'x'}, (400, 404)),
            ('an unknown model', '/api/generate', form(model='nothing:here'), (404,)),
            ('a name with a path', '/api/generate', form(model='../../etc/passwd'), (400, 404)),
            ('a name of 100,000 bytes', '/api/generate', form(model='a' * 100000), (400, 404)),
            ('prompt is an array', '/api/generate', form(prompt=['a']), (400,)),
            ('stream is a string', '/api/generate', form(stream='yes'), (400,)),
            ('options is a string', '/api/generate', form(options='x'), (400,)),
            ('temperature is a string', '/api/generate', options(temperature='hot'), (400,)),
            ('stop is a number', '/api/generate', options(stop=5), (400,)),
            ('num_predict is a fraction', '/api/generate', options(num_predict=0.5), (400,)),
            ('messages is a string', '/api/chat', chat(messages='x'), (400,)),
            ('a message is a number', '/api/chat', chat(messages=[1]), (400,)),
            ('a role that is none', '/api/chat', chat(messages=[{'role': 'emperor', 'content': 'x'}]), (400,)),
            ('content is an object', '/api/chat', chat(messages=[{'role': 'user', 'content': {}}]), (400,)),
            ('OpenAI: no messages', '/v1/chat/completions', {'model': NAME}, (400,)),
            ('OpenAI: unknown model', '/v1/chat/completions', {'model': 'x', 'messages': [{'role': 'user', 'content': 'x'}]}, (404,)),
            ('OpenAI: max_tokens -5', '/v1/chat/completions', {**chat(), 'max_tokens': -5}, (400,)),
            ('OpenAI: temperature 9e9', '/v1/chat/completions', {**chat(), 'max_tokens': 1, 'temperature': 9e9}, (400,)),
            ('show: no model', '/api/show', {}, (400, 404)),
            ('show: an unknown model', '/api/show', {'model': 'x'}, (404,)),
            ('a body beyond the limit', '/api/generate', b'{"model":"' + b'x' * (33 << 20) + b'"}', (413,)),
            ('show: a body of 1 MiB', '/api/show', b'{"model":"' + b'x' * 1048576 + b'"}', (413,))):
        status, reply = w.post(path, body)
        try:
            error = json.loads(reply).get('error')
        except (ValueError, AttributeError):
            error = None
        ok(status in want and (status == 200 or error), f'{name}: {status}', f'{status} {reply[:300]}')

    # Absurd options: an error or an answer, in bounded time, never a crash.
    for more in ({'temperature': -1}, {'temperature': 1e308}, {'top_k': -5}, {'top_k': 2**62}, {'top_p': -1}, {'top_p': 1e9},
                 {'min_p': 7}, {'repeat_penalty': 0}, {'repeat_penalty': -1e30}, {'repeat_last_n': 2**31}, {'repeat_last_n': -7},
                 {'typical_p': -1}, {'mirostat': 3}, {'mirostat': 2, 'mirostat_tau': 0, 'mirostat_eta': 10}, {'frequency_penalty': 1e9},
                 {'logit_bias': {'1': 1e39}}, {'logit_bias': {'x': 1}}, {'logit_bias': [1]}, {'logit_bias': {str(i): 0 for i in range(5000)}},
                 {'seed': -2**63}, {'num_ctx': 2**40}, {'num_ctx': -1}, {'num_ctx': 1}, {'stop': ['x'] * 1000},
                 {'stop': ['']}, {'stop': ['y' * 100000]}, {'num_predict': 2**63 - 1, 'stop': ['a', 'e', ' ']}):
        status, reply = w.post('/api/generate', options(**more), seconds=100)
        ok(status in (200, 400), f'options {list(more.items())[0][0]}={str(list(more.values())[0])[:20]}: {status}', f'{status} {reply[:300]}')
    status, reply = w.post('/api/generate', form(prompt='hello ' * 20000, raw=True, truncate=False))
    ok(status == 400 and b'CONTEXT_FULL' in reply, f'a prompt beyond the context, whole or not at all: {status}', reply[:300])
    for size in (20000, 5000000):
        status, reply = w.post('/api/generate', form(prompt='hello ' * size, raw=True), seconds=200)
        reply = json.loads(reply)
        ok(status == 200 and reply['truncated'] is True and reply['prompt_eval_count'] == CONTEXT,
           f'a prompt of {size} words: its middle is left out, and the answer says so', str(reply)[:300])

    # Every member with values of every kind, alone: an answer, or 400 with an error in the form of the route.
    kinds = (True, 0, -1, 2**31, 2**63 - 1, 0.5, 1e308, '', 'x', [], [[]], [None], ['x'], {}, {'a': 1}, {'': {}})
    said = {'role': 'user', 'content': 'x'}
    for route, make, members in (
            ('/api/generate', options, 'temperature top_k top_p min_p typical_p repeat_penalty presence_penalty frequency_penalty repeat_last_n mirostat '
             'mirostat_tau mirostat_eta logit_bias seed stop num_ctx'),
            ('/api/generate', form, 'format think logprobs top_logprobs keep_alive raw system stream template suffix context options'),
            ('/api/generate', lambda **m: form(format={'type': 'string', **m}), 'type properties required items enum const pattern minLength maxLength $ref anyOf allOf'),
            ('/api/chat', chat, 'format think logprobs top_logprobs messages tools'),
            ('/api/chat', lambda **m: chat(messages=[{**said, **m}]), 'role content thinking tool_calls tool_name'),
            ('/api/chat', lambda **m: chat(messages=[said], tools=[{'type': 'function', 'function': {'name': 'a', **m}}]), 'name parameters'),
            ('/api/embed', lambda **m: {'model': NAME, 'input': 'x', **m}, 'input truncate dimensions'),
            ('/v1/embeddings', lambda **m: {'model': NAME, 'input': 'x', **m}, 'input dimensions encoding_format'),
            ('/v1/chat/completions', lambda **m: {'model': NAME, 'messages': [said], 'max_tokens': 1, **m}, 'temperature top_p logit_bias seed max_completion_tokens '
             'stop n response_format reasoning_effort tools tool_choice logprobs top_logprobs stream_options'),
            ('/v1/completions', lambda **m: {'model': NAME, 'prompt': 'x', 'max_tokens': 1, **m}, 'prompt logprobs echo suffix best_of')):
        bad, refused, count = [], 0, 0
        for member in members.split():
            for value in kinds:
                short = {'stop': list(' eaotn')} if member.startswith('max_') else {}  # 0, -1 and 2^31 are no limit
                status, reply = w.post(route, make(**{member: value}, **short), seconds=100)
                count += 1
                if status == 400:
                    error = json.loads(reply)['error']
                    refused += 1
                    good = isinstance(error.get('message'), str) and error.get('type') if route.startswith('/v1') else isinstance(error, str)
                else:
                    good = status == 200
                if not good:
                    bad.append(f'{member}={value}: {status} {reply[:200]}')
        ok(not bad and refused > 0, f'{route}, {members.split()[0]} and others, of every kind: {count} requests, {refused} refused', '\n'.join(bad))

    # A chat that the context does not hold loses its oldest messages: the same answer as without them, and it is said.
    system, last = {'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'What is the sky?'}
    long = [{'role': r, 'content': r * 4500} for r in ('user', 'assistant')]
    recent = [{'role': 'user', 'content': 'Hello.'}, {'role': 'assistant', 'content': 'Hi.'}]
    answers = []
    for messages in ([system, *long, *long, *recent, last], [system, *recent, last], [system, *recent, {**last, 'content': 'sky ' * 20000}]):
        status, reply = w.post('/api/chat', chat(messages=messages, options={'num_predict': 12, 'seed': 1}), seconds=100)
        answers.append((status, json.loads(reply)))
    ok([a[0] for a in answers] == [200, 200, 200] and answers[0][1]['message'] == answers[1][1]['message'] and
       answers[0][1]['prompt_eval_count'] == answers[1][1]['prompt_eval_count'], 'a long chat loses its oldest messages', str(answers)[:600])
    ok(answers[0][1].get('truncated') is True and 'truncated' not in answers[1][1] and answers[2][1].get('truncated') is True and
       answers[2][1]['prompt_eval_count'] == CONTEXT,
       'and the answer says so', str(answers)[:600])

    status, reply = w.post('/api/chat', chat(messages=[system, *long, *long, *recent, last], truncate=False))
    ok(status == 400 and b'CONTEXT_FULL' in reply, '"truncate": false: the chat is whole, or refused', reply[:300])

    # Heads.
    g = b'GET /api/version HTTP/1.1\r\nHost: localhost\r\n'
    for name, data, want in (
            ('a method that is none', b'BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n', (b'400', b'405', b'501')),
            ('another method', b'DELETE /api/version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', (b'405',)),
            ('no host', b'GET /api/version HTTP/1.1\r\n\r\n', (b'400',)),
            ('two hosts', g + b'Host: other\r\n\r\n', (b'400',)),
            ('another host', b'GET /api/version HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n', (b'400', b'403', b'421')),
            ('both lengths', b'POST /api/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', (b'400',)),
            ('two lengths', b'POST /api/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}', (b'400',)),
            ('a negative length', b'POST /api/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n', (b'400',)),
            ('a length beyond 2^64', b'POST /api/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n', (b'400', b'413')),
            ('a body beyond the limit', b'POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 33554433\r\n\r\n', (b'413',)),
            ('chunks beyond the limit', b'POST /api/show HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF0\r\n', (b'413',)),
            ('a chunk size that is none', b'POST /api/show HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', (b'400',)),
            ('a head of 64 KiB', g + b'X: ' + b'a' * 65536 + b'\r\n\r\n', (b'431', b'400')),
            ('a target of 64 KiB', b'GET /' + b'a' * 65536 + b' HTTP/1.1\r\nHost: localhost\r\n\r\n', (b'414', b'431', b'400')),
            ('1,000 headers', g + b'X: a\r\n' * 1000 + b'\r\n', (b'431',)),
            ('a folded header', g + b'X: a\r\n b\r\n\r\n', (b'400',)),
            ('a space before the colon', g + b'X : a\r\n\r\n', (b'400',)),
            ('a zero byte', g + b'X: \0\r\n\r\n', (b'400',)),
            ('HTTP/9.9', b'GET / HTTP/9.9\r\nHost: localhost\r\n\r\n', (b'505', b'400')),
            ('no HTTP', bytes(range(256)) * 4, (b'400',)),
            ('a way out of the page', b'GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', (b'400', b'404')),
            ('the same, encoded', b'GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', (b'400', b'404'))):
        reply = w.raw(data)
        ok(statuses(reply)[:1] and statuses(reply)[0] in want and b'root:' not in reply, f'{name}: {(statuses(reply) or [b"-"])[0].decode()}', reply[:300])

    reply = w.raw(b'POST /api/show HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{', half_close=True)
    ok(b'200' not in statuses(reply), 'a body that is cut is no request', reply[:300])

    # Slow ones, all at once; others are answered meanwhile.
    slow = [socket.create_connection(('127.0.0.1', w.port), timeout=60) for _ in range(100)]
    for s in slow:
        s.sendall(b'GET /api/version HTTP/1.1\r\nHo')
    begun = time.monotonic()
    ok(w.get('/api/version')[0] == 200 and time.monotonic() - begun < 5, '100 slow heads do not hold up the next asker')

    def dripped():
        for s in slow[:1]:
            try:
                s.sendall(b'a')
                s.setblocking(False)
                try:
                    return not s.recv(1000).startswith(b'HTTP/1.1 2')
                except BlockingIOError:
                    return False
                finally:
                    s.setblocking(True)
            except OSError:
                return True
        return False

    ended = until(dripped, 25)
    ok(ended and time.monotonic() - begun > 5, 'a head that drips is ended', f'{time.monotonic() - begun:.1f} s')
    for s in slow:
        s.close()

    for name, port in (('plain HTTP to the TLS port', w.tls), ('bytes to the TLS port', w.tls)):
        with socket.create_connection(('127.0.0.1', port), timeout=30) as s:
            s.sendall(b'GET / HTTP/1.1\r\n\r\n' if 'plain' in name else os.urandom(2000))
            try:
                reply = s.recv(1000)
            except OSError:
                reply = b''
            ok(b'200' not in reply, f'{name} is refused', reply)

    def handshake(protocols=None, version=ssl.TLSVersion.TLSv1_3):
        """The protocol that was agreed on, '' for none, or None for no connection."""
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname, c.verify_mode, c.minimum_version, c.maximum_version = False, ssl.CERT_NONE, version, version
        if protocols:
            c.set_alpn_protocols(protocols)
        try:
            with socket.create_connection(('127.0.0.1', w.tls), timeout=30) as s, c.wrap_socket(s) as t:
                return t.selected_alpn_protocol() or ''
        except (OSError, ssl.SSLError):
            return None

    ok(handshake() == '', 'TLS 1.3 without ALPN')
    ok(handshake(['h2', 'http/1.1']) == 'http/1.1', 'ALPN: HTTP/1.1 is chosen')
    ok(handshake(['h2']) is None, 'ALPN without HTTP/1.1 is refused')
    ok(handshake(version=ssl.TLSVersion.TLSv1_2) is None, 'TLS 1.2 is refused')

    # Evidence, cut and changed: never simulated, always a reason, never a crash.
    status, document = w.get('/.well-known/sotto/evidence?nonce=' + '5a' * 32)
    path = w.dir + '/evidence'
    with open(path, 'wb') as f:
        f.write(document)
    ok(status == 200 and w.verify(path)[0] == 10, 'the document as it came: simulated')
    draw = random.Random(3)
    bad = []
    for n in range(30):
        broken = bytearray(document)
        if n < 10:
            del broken[len(document) * n // 10:]
            name = f'cut at {len(broken)}'
        else:
            at = draw.randrange(len(document))
            broken[at] ^= 1 << draw.randrange(8)
            name = f'bit of byte {at}'
        with open(path, 'wb') as f:
            f.write(broken)
        r = run(SOTTO, 'verify', path, '--policy', w.policy, '--json', env=w.env)
        same = r.returncode == 10 and covered(broken) == covered(document)
        if not (r.returncode in (11, 12) or same) or 'Sanitizer' in r.stderr:
            bad.append(f'{name}: {r.returncode} {r.stderr[-300:]}')
    ok(not bad, 'evidence that is cut or changed is refused, 30 times', '\n'.join(bad))
    quote = json.loads(document)['quote']
    bad = []
    for n in range(20):
        broken = bytearray(quote.encode())
        if n < 8:
            del broken[len(broken) * n // 8:]
        else:
            broken[draw.randrange(len(broken) - 400)] ^= 1
        with open(path, 'wb') as f:
            f.write(broken)
        r = run(SOTTO, 'verify', path, '--policy', w.policy, '--collateral', w.platform.folder + '-collateral', env=w.env)
        if r.returncode != 11 or 'Sanitizer' in r.stderr:
            bad.append(f'{n}: {r.returncode} {r.stderr[-300:]}')
    ok(not bad, 'quotes that are cut or changed are refused, 20 times', '\n'.join(bad))

    # The attestation service.
    os.mkdir(w.dir + '/policies')
    os.link(w.policy, w.dir + '/policies/demo.json')
    plain, port = w.port, free_ports(1)[0]
    attestd = start(ATTESTD, '--listen', f'127.0.0.1:{port}', '--state', w.dir + '/attestd', '--policies', w.dir + '/policies', '--default-policy', 'demo',
                    '--collateral', w.platform.folder + '-collateral', log=w.dir + '/attestd.log')
    w.port = port
    ok(until(lambda: w.get('/healthz')[0] == 200, 20), 'the attestation service runs', slurp(w.dir + '/attestd.log'))
    b64 = base64.urlsafe_b64encode(document).decode().rstrip('=')
    status, token = w.post('/v1/attestation', {'tee': 'tdx', 'evidence': b64})
    ok(status == 200 and token.count(b'.') == 2, 'evidence: a token', token[:300])
    for name, body, want in (
            ('no JSON', b'{', 400), ('an array', b'[]', 400), ('no evidence', {'tee': 'tdx'}, 400), ('another TEE', {'tee': 'sgx9', 'evidence': b64}, 400),
            ('evidence that is a number', {'tee': 'tdx', 'evidence': 5}, 400), ('evidence that is no base64', {'tee': 'tdx', 'evidence': '*'}, 400),
            ('evidence that is cut', {'tee': 'tdx', 'evidence': b64[:4000]}, 400),
            ('a policy that is not there', {'tee': 'tdx', 'evidence': b64, 'policy_ids': ['none']}, 404),
            ('a policy with a path', {'tee': 'tdx', 'evidence': b64, 'policy_ids': ['../policies/demo']}, (400, 404)),
            ('policies that are no list', {'tee': 'tdx', 'evidence': b64, 'policy_ids': 'demo'}, 400),
            ('other runtime data', {'tee': 'tdx', 'evidence': b64, 'runtime_data': {'raw': 'AAAA'}}, (400, 403))):
        status, reply = w.post('/v1/attestation', body)
        try:
            reason = json.loads(reply).get('reason')
        except ValueError:
            reason = None
        ok(status in (want if isinstance(want, tuple) else (want,)) and reason and b'eyJ' not in reply, f'attestation, {name}: {status} {reason}', f'{status} {reply[:400]}')
    w.port = plain
    ok(attestd.poll() is None, 'the attestation service lives')

    ok({r: w.role(r) for r in roles} == roles, 'no process of the service died', slurp(w.log)[-3000:].decode(errors='replace'))
    ok(w.ask('Hello')['done'] and w.verified(), 'the service answers, and verifies')
    ok(w.stop() == 0, 'SIGTERM ends it with 0')
done()
