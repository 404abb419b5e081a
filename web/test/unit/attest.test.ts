import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attest, type Outcome } from '../../src/trust/attest';
import { claimsFor, digest, type Key, KEYSET, makeKey, makeService, makeWorld, type Service, sign } from './service';

let key: Key;
let s: Service;

beforeAll(async () => { key = await makeKey(); });
beforeEach(async () => { s = await makeService(key); });

const run = (change = {}): Promise<Outcome> => attest({ ...makeWorld(s), ...change }, new AbortController().signal);

async function failed(want: { undecided: boolean; code: string }, change = {}) {
  expect(await run(change)).toMatchObject({ kind: 'failed', ...want });
}

describe('a check', () => {
  it('asks in order and ends verified', async () => {
    expect(await run()).toMatchObject({ kind: 'verified' });
    expect(s.asked).toEqual(['GET /sotto/page.json', 'GET /.well-known/sotto/evidence?nonce=NONCE',
      'POST https://attest.example/v1/attestation', 'GET https://attest.example/jwks.json']);
  });

  it('ends simulated', async () => {
    s = await makeService(key, 'simulated');
    expect(await run()).toMatchObject({ kind: 'simulated' });
  });

  it('draws a fresh nonce each time', async () => {
    const seen = new Set<string>();
    const evidence = s.evidence;
    s.evidence = (nonce) => { seen.add(nonce); return evidence(nonce); };
    await run();
    await run();
    expect(seen.size).toBe(2);
    expect([...seen].every((n) => /^[0-9a-f]{64}$/.test(n))).toBe(true);
  });

  it('is undecided without cryptography, and asks nothing', async () => {
    await failed({ undecided: true, code: 'NO_WEBCRYPTO' }, { subtle: undefined });
    expect(s.asked).toEqual([]);
  });

  it.each([[null], ['x'], [''], ['javascript:alert(1)'], ['https://a.example/path']])(
    'is undecided without an attestation service: %o', async (attestation) => {
      s.settings = { attestation };
      await failed({ undecided: true, code: 'ATTESTATION_ABSENT' });
    });

  it('is undecided where there is no evidence', async () => {
    s.evidence = () => Response.json({ error: 'none', reason: 'NO_QUOTE_DEVICE' }, { status: 503 });
    await failed({ undecided: true, code: 'NO_QUOTE_DEVICE' });
  });

  it('is undecided where nobody answers', async () => {
    s.evidence = () => { throw new TypeError('network'); };
    await failed({ undecided: true, code: 'SERVICE_UNREACHABLE' });
    s = await makeService(key);
    s.verdict = () => Promise.reject(new TypeError('network'));
    await failed({ undecided: true, code: 'ATTESTATION_UNREACHABLE' });
    s = await makeService(key);
    s.jwks = () => new Response('', { status: 502 });
    await failed({ undecided: true, code: 'HTTP_502' });
  });

  it.each([
    ['DOCUMENT_FORM', () => new Response('hello')],
    ['DOCUMENT_FORM', (nonce: string) => Response.json({ v: 2, nonce, keyset: '' })],
    ['DOCUMENT_FORM', (nonce: string) => Response.json({ v: 1, nonce, keyset: 'not base64' })],
    ['DOCUMENT_FORM', (nonce: string) => Response.json({ v: 1, nonce })],
    ['DOCUMENT_NONCE', () => Response.json({ v: 1, nonce: '00'.repeat(32), keyset: '' })],
  ])('refuses evidence: %s', async (code, evidence) => {
    s.evidence = evidence;
    await failed({ undecided: false, code });
    expect(s.asked.length).toBe(2);
  });

  it('is undecided by too much evidence', async () => {
    s.evidence = () => new Response(new Uint8Array((8 << 20) + 1));
    await failed({ undecided: true, code: 'REPLY_TOO_LARGE' });
  });

  it('tells refused from undecided', async () => {
    const reply = (status: number, result: string) => () => Promise.resolve(
      Response.json({ reason: 'QUOTE_SIGNATURE', detail: 'd', result, reasons: [{ fact: 'quote', text: 't', reason: 'X_Y' }, 7] }, { status }));
    s.verdict = reply(403, 'refused');
    await failed({ undecided: false, code: 'QUOTE_SIGNATURE' });
    expect((await run() as { facts: unknown[] }).facts).toEqual([{ fact: 'quote', text: 't', reason: 'X_Y' }]);
    s.verdict = reply(400, 'refused');
    await failed({ undecided: false, code: 'QUOTE_SIGNATURE' });
    s.verdict = reply(503, 'undecided');
    await failed({ undecided: true, code: 'QUOTE_SIGNATURE' });
    s.verdict = () => Promise.resolve(new Response('<html>', { status: 502 }));
    await failed({ undecided: true, code: 'HTTP_502' });
    s.verdict = () => Promise.resolve(new Response('', { status: 404 }));
    await failed({ undecided: true, code: 'HTTP_404' });
  });

  it('refuses a verdict about another document', async () => {
    s.verdict = async (d) => new Response(await sign(key, claimsFor(d.nonce as string, await digest('{"v":2}'), 'verified')));
    await failed({ undecided: false, code: 'TOKEN_KEYSET' });
    s.verdict = async () => new Response(await sign(key, claimsFor('00'.repeat(32), await digest(KEYSET), 'verified')));
    await failed({ undecided: false, code: 'TOKEN_NONCE' });
    s.verdict = () => Promise.resolve(new Response('verified'));
    await failed({ undecided: false, code: 'TOKEN_FORM' });
  });

  it('ends when it is cancelled', async () => {
    const late = new AbortController();
    const world = makeWorld(s);
    const slow = { ...world, fetch: async (url: string, init: RequestInit) => { late.abort(); return world.fetch(url, init); } };
    expect(await attest(slow, late.signal)).toMatchObject({ kind: 'failed', undecided: true, code: 'TIMEOUT' });
  });
});
