import { beforeAll, describe, expect, it } from 'vitest';
import { checkToken, type Wanted } from '../../src/trust/token';
import { claimsFor, digest, KEYSET, type Key, makeKey, NOW, sign } from './service';

let key: Key;
let wanted: Wanted;

beforeAll(async () => {
  key = await makeKey();
  wanted = { nonce: 'ab'.repeat(32), keysetSha384: await digest(KEYSET), now: NOW };
});

const good = (result: 'verified' | 'simulated' = 'verified') => claimsFor(wanted.nonce, wanted.keysetSha384, result);
const check = (token: string, jwks: Record<string, unknown> | null = { keys: [key.jwk] }) =>
  checkToken(token, jwks, wanted, crypto.subtle);
const code = async (p: Promise<unknown>): Promise<string> => p.then(() => 'accepted', (e: { code: string }) => e.code);

describe('a token', () => {
  it('is accepted, verified or simulated', async () => {
    await expect(check(await sign(key, good()))).resolves.toMatchObject({ result: 'verified', expires: NOW + 300 });
    await expect(check(await sign(key, good('simulated')))).resolves.toMatchObject({ result: 'simulated' });
  });

  it('is refused with any one character changed', async () => {
    const token = await sign(key, good());
    for (let i = 0; i < token.length; i += 7) {
      const other = token[i] === 'A' ? 'B' : 'A';
      expect(await code(check(token.slice(0, i) + other + token.slice(i + 1))), `at ${i}`).not.toBe('accepted');
    }
  });

  it('must be signed by the key that it names', async () => {
    const other = await makeKey('k1');
    expect(await code(check(await sign(other, good())))).toBe('TOKEN_SIGNATURE');
    expect(await code(check(await sign(key, good(), { kid: 'k2' })))).toBe('TOKEN_KEY');
    expect(await code(check(await sign(key, good(), { kid: undefined })))).toBe('TOKEN_FORM');
    expect(await code(check(await sign(key, good(), { jwk: other.jwk, kid: 'k2' })))).toBe('TOKEN_KEY');
  });

  it('cannot choose its algorithm', async () => {
    for (const alg of ['none', 'HS256', 'ES384', 'es256', undefined]) {
      expect(await code(check(await sign(key, good(), { alg })))).toBe('TOKEN_ALGORITHM');
    }
    expect(await code(check(await sign(key, good(), { crit: ['x'] })))).toBe('TOKEN_FORM');
    const [head, body] = (await sign(key, good())).split('.');
    expect(await code(check(`${head}.${body}.`))).toBe('TOKEN_FORM');
  });

  it('needs a key list that is one', async () => {
    const token = await sign(key, good());
    const { kid } = key.jwk;
    expect(await code(check(token, null))).toBe('JWKS_FORM');
    expect(await code(check(token, { keys: 'x' }))).toBe('JWKS_FORM');
    expect(await code(check(token, { keys: [] }))).toBe('TOKEN_KEY');
    expect(await code(check(token, { keys: [null, 1, 'x'] }))).toBe('TOKEN_KEY');
    expect(await code(check(token, { keys: [key.jwk, key.jwk] }))).toBe('TOKEN_KEY');
    expect(await code(check(token, { keys: [{ ...key.jwk, use: 'enc' }] }))).toBe('TOKEN_KEY');
    expect(await code(check(token, { keys: [{ ...key.jwk, alg: 'ES384' }] }))).toBe('TOKEN_KEY');
    expect(await code(check(token, { keys: [{ ...key.jwk, x: 'AAAA' }] }))).toBe('TOKEN_KEY');
    expect(await code(check(token, { keys: [{ kid, kty: 'oct', k: 'AAAA' }] }))).toBe('TOKEN_KEY');
  });

  it.each([
    ['TOKEN_EXPIRED', { exp: NOW }],
    ['TOKEN_EXPIRED', { iat: NOW - 400, exp: NOW - 100 }],
    ['TOKEN_TIME', { iat: NOW + 121, exp: NOW + 400 }],
    ['TOKEN_TIME', { nbf: NOW + 121 }],
    ['TOKEN_TIME', { exp: NOW + 3601 }],
    ['TOKEN_TIME', { exp: undefined }],
    ['TOKEN_TIME', { iat: undefined }],
    ['TOKEN_TIME', { exp: '9999999999' }],
    ['TOKEN_TIME', { nbf: 'now' }],
    ['TOKEN_NONCE', { eat_nonce: 'cd'.repeat(32) }],
    ['TOKEN_NONCE', { eat_nonce: undefined }],
    ['TOKEN_NONCE', { eat_nonce: ['ab'.repeat(32)] }],
    ['TOKEN_KEYSET', { sotto_keyset_sha384: '00'.repeat(48) }],
    ['TOKEN_KEYSET', { sotto_keyset_sha384: undefined }],
    ['TOKEN_RESULT', { sotto_result: 'refused' }],
    ['TOKEN_RESULT', { sotto_result: undefined }],
    ['TOKEN_RESULT', { sotto_result: 'simulated' }],
    ['TOKEN_RESULT', { tee: 'tdx-sim' }],
    ['TOKEN_RESULT', { tee: 'sgx' }],
    ['TOKEN_RESULT', { iss: 'https://attest.example/simulated' }],
    ['TOKEN_RESULT', { submods: { cpu0: { 'ear.status': 'contraindicated' } } }],
    ['TOKEN_RESULT', { submods: undefined }],
  ])('is refused: %s %o', async (want, change) => {
    const claims = { ...good(), ...('exp' in change && change.exp === NOW ? { iat: NOW - 10 } : {}), ...change };
    expect(await code(check(await sign(key, claims)))).toBe(want);
  });

  it('of a simulator can never read verified', async () => {
    for (const change of [{ tee: 'tdx' }, { iss: 'https://attest.example' }, { sotto_result: 'verified' },
                          { submods: { cpu0: { 'ear.status': 'affirming' } } }]) {
      expect(await code(check(await sign(key, { ...good('simulated'), ...change })))).toBe('TOKEN_RESULT');
    }
  });

  it('has three parts and a bound', async () => {
    const token = await sign(key, good());
    for (const bad of ['', 'a', 'a.b', `${token}.x`, `${token}=`, ` ${token}`, '..', `${'A'.repeat(70000)}.e30.AA`]) {
      expect(await code(check(bad))).toBe('TOKEN_FORM');
    }
  });
});
