#!/usr/bin/env python3
"""Every route is asked for a chosen 64-byte report data, in every place where a request can carry bytes. No quote has it."""
import base64
import json
import re
import urllib.parse

from harness import NAME, World, done, ok

# Report data are 64 bytes at 568 of a quote, v4; a v5 body begins 6 bytes later.
REPORT_DATA = (568, 574)
CHOSEN = bytes(range(0xa0, 0xe0))
FORMS = [CHOSEN.hex(), CHOSEN.hex().upper(), base64.b64encode(CHOSEN).decode(), base64.urlsafe_b64encode(CHOSEN).decode().rstrip('=')]
NAMES = ('report_data', 'reportdata', 'report-data', 'reportData', 'nonce', 'user_data', 'userdata', 'data', 'inblob', 'challenge', 'runtime_data')
ROUTES = (('GET', '/'), ('GET', '/api/version'), ('GET', '/api/tags'), ('GET', '/api/ps'), ('POST', '/api/show'), ('POST', '/api/generate'), ('POST', '/api/chat'),
          ('GET', '/v1/models'), ('GET', '/v1/models/' + NAME), ('POST', '/v1/chat/completions'), ('GET', '/.well-known/sotto/evidence'),
          ('GET', '/api/v1/tee/quote'), ('GET', '/healthz'), ('GET', '/readyz'), ('GET', '/metrics'))


def quotes(reply):
    """Every run of hexadecimal digits or base64 in the answer that may be a quote, decoded."""
    for run in re.findall(rb'[0-9a-fA-F]{1200,}', reply):
        yield bytes.fromhex(run[:len(run) // 2 * 2].decode())
    for run in re.findall(rb'[A-Za-z0-9+/_-]{800,}={0,2}', reply):
        text = run.rstrip(b'=').translate(bytes.maketrans(b'-_', b'+/'))
        yield base64.b64decode(text[:len(text) // 4 * 4])


with World() as w:
    w.serve()
    nonce = CHOSEN[:32].hex()
    total = 0
    for method, path in ROUTES:
        found, bad = 0, []
        for form in FORMS:
            fields = {n: form for n in NAMES}
            base = {'model': NAME, 'options': {'num_predict': 1}, 'max_tokens': 1, 'stream': False, 'messages': [{'role': 'user', 'content': 'a'}], 'prompt': 'a'}
            query = urllib.parse.urlencode(fields)
            no_nonce = urllib.parse.urlencode({k: v for k, v in fields.items() if k != 'nonce'})
            headers = {n.replace('_', '-').title(): form for n in NAMES}
            for target, more in ((f'{path}?{query}', {}), (f'{path}?nonce={nonce}&{no_nonce}', {}), (f'{path}?{no_nonce}&nonce={nonce}', headers),
                                 (f'{path}?nonce={form}', headers), (path, headers), (f'{path}/{urllib.parse.quote(form, safe="")}', {})):
                body = {**base, **fields, 'report_data': {'value': form}, 'nonce': nonce} if method == 'POST' else None
                for verb in {method, 'POST', 'GET'} if path.startswith(('/.well', '/api/v1')) else {method}:
                    status, reply = w.request(verb, target, json.dumps(body or {**base, **fields}) if verb == 'POST' else None,
                                              {**more, **({'Content-Type': 'application/json'} if verb == 'POST' else {})})
                    if status == 0:
                        bad.append(f'{verb} {target}: no answer')
                    for q in quotes(reply):
                        found += 1
                        if CHOSEN in q or any(q[at:at + 32] == CHOSEN[:32] for at in REPORT_DATA):
                            bad.append(f'{verb} {target}: a quote with chosen bytes')
        total += found
        ok(not bad, f'{method} {path}: {found} candidates, none with the chosen bytes', '\n'.join(bad))
    ok(total > 10, 'quotes were there to look at')
    status, document = w.get('/.well-known/sotto/evidence?nonce=' + nonce)
    quote = base64.b64decode(json.loads(document)['quote'])
    ok(quote[:2] in (b'\4\0', b'\5\0') and len(quote) > 1000, 'the evidence has a quote')
    ok(nonce.encode() in document and CHOSEN[:32] not in quote, 'whose report data only binds the nonce')
    ok(w.verified(), 'and evidence verifies')
done()
