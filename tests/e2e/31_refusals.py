#!/usr/bin/env python3
"""Another program, configuration, model, platform and page, each really there and honest about itself, are refused by
`sotto run` with a reason of their own, before a byte of the question leaves."""
import json
import os
import shutil

from harness import MODEL, NAME, SOTTO, World, Platform, Relay, done, must, ok, refuted, run, slurp

QUESTION = 'What is the colour of the sky, and why is that so? ' * 40  # 2,000 bytes: more than a request for evidence has


def asked(w, policy, name, reason, model=NAME):
    """Through a relay that counts: refused with exit 11 and this reason; the question stayed at home."""
    relay = Relay(w.tls)
    before = w.metric('prompt_tokens_total')
    r = run(SOTTO, 'run', model, QUESTION, '--url', f'https://127.0.0.1:{relay.port}', '--policy', policy, '--num-predict', '4', env=w.env)
    ok(r.returncode == 11 and reason in r.stderr and not r.stdout, f'{name}: refused, 11, {reason}', f'{r.returncode} {r.stdout} {r.stderr}')
    ok(0 < sum(relay.sent) < 2000, f'{name}: fewer bytes than the question has were sent', relay.sent)
    ok(w.metric('prompt_tokens_total') == before and w.metric('num_requests_running') == 0, f'{name}: the engine saw no prompt')
    code, verdict = w.verify(policy=policy)
    ok(code == 11 and set(refuted(verdict)) == {reason}, f'{name}: no other fact is refuted', f'{code} {refuted(verdict)}')


with World() as w:
    w.serve()
    relay = Relay(w.tls)
    r = run(SOTTO, 'run', NAME, QUESTION, '--url', f'https://127.0.0.1:{relay.port}', '--policy', w.policy, '--num-predict', '4', env=w.env)
    ok(r.returncode == 0 and r.stdout.strip(), 'through a relay that ends no TLS the question is answered', r.stderr)
    ok(sum(relay.sent) > 2000, 'and the relay counts it', relay.sent)
    first = w.write_policy(w.dir + '/first.json')
    w.stop()

    # The policy of the first; each service judges itself by one of its own.
    w.platform.reboot()
    program = w.dir + '/bin/sotto'
    os.mkdir(w.dir + '/bin')
    shutil.copy(SOTTO, program)
    with open(program, 'ab') as f:
        f.write(b'\n')
    w.write_policy(w.policy, w.reference(program=program))
    w.serve(program=program)
    asked(w, first, 'another program', 'PROGRAM_MISMATCH')
    w.stop()

    w.platform.reboot()
    conf = w.configure(w.dir + '/other.conf', context=512)
    w.write_policy(w.policy, w.reference(conf))
    w.serve(conf)
    asked(w, first, 'another configuration', 'CONFIG_MISMATCH')
    w.stop()

    # The same name, the same size, one bit of one weight.
    w.platform.reboot()
    changed = w.dir + '/changed.gguf'
    shutil.copy(MODEL, changed)
    with open(changed, 'r+b') as f:
        f.seek(-100, os.SEEK_END)
        byte = f.read(1)[0]
        f.seek(-100, os.SEEK_END)
        f.write(bytes([byte ^ 1]))
    must(SOTTO, 'create', NAME, '--from', changed, env=w.env)
    w.write_policy(w.policy)
    w.serve()
    asked(w, first, 'another model', 'MODEL_MISMATCH')
    w.stop()
    must(SOTTO, 'create', NAME, '--from', MODEL, env=w.env)

    # Another platform; then, where its root is trusted, another MRTD.
    w.platform.reboot()
    with open(first, encoding='utf-8') as f:
        policy = json.load(f)
    other = Platform(w.dir + '/other')
    w.platform = other
    conf = w.configure(w.dir + '/moved.conf', state=w.dir + '/service-other')
    w.write_policy(w.policy)
    w.serve(conf)
    code, verdict = w.verify(policy=first)
    ok(code == 11 and 'ROOT_UNTRUSTED' in refuted(verdict), "another platform's root: refused, 11, ROOT_UNTRUSTED", f'{code} {refuted(verdict)}')
    r = run(SOTTO, 'run', NAME, QUESTION, '--url', w.url, '--policy', first, env=w.env)
    ok(r.returncode == 11 and 'ROOT_UNTRUSTED' in r.stderr, 'and sotto run says so', r.stderr)
    ok(w.metric('prompt_tokens_total') == 0, 'and asks nothing')
    ok(w.verified(), 'its own policy affirms it')
    anchored = dict(policy, anchors={'intel': False, 'simulated': [other.show()['root_sha256']]})
    for key in ('rtmr0', 'rtmr1', 'rtmr2'):
        anchored['td'] = dict(anchored['td'], **{key: [other.show()['rtmr_' + key[-1]]]})
    with open(w.dir + '/mrtd.json', 'w', encoding='utf-8') as f:
        json.dump(anchored, f)
    asked(w, w.dir + '/mrtd.json', 'another MRTD', 'MRTD_MISMATCH')
    code, verdict = w.verify(None, 'none')
    ok(code in (11, 12), 'without a policy: not verified', code)
    bare = dict(policy, anchors={'intel': True})
    with open(w.dir + '/intel.json', 'w', encoding='utf-8') as f:
        json.dump(bare, f)
    code, verdict = w.verify(policy=w.dir + '/intel.json')
    ok(code == 11 and 'ROOT_UNTRUSTED' in refuted(verdict), "under Intel's root alone: refused, 11, ROOT_UNTRUSTED", f'{code} {refuted(verdict)}')
    w.stop()
done()
