// A service and an attestation service as one function, with a key of their own.
import type { Fetch } from '../../src/net';
import type { World } from '../../src/trust/attest';
import { fromBase64Url, toHex, utf8 } from '../../src/bytes';

export const NOW = 1_790_000_000;

export interface Key {
  pair: CryptoKeyPair;
  jwk: Record<string, unknown>;
}

export async function makeKey(kid = 'k1'): Promise<Key> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  return { pair, jwk: { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' } };
}

const part = (v: unknown): string => Buffer.from(JSON.stringify(v)).toString('base64url');

export async function sign(key: Key, claims: unknown, header: Record<string, unknown> = {}): Promise<string> {
  const signed = `${part({ alg: 'ES256', kid: key.jwk.kid, typ: 'JWT', ...header })}.${part(claims)}`;
  const rs = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.pair.privateKey, utf8(signed));
  return `${signed}.${Buffer.from(rs).toString('base64url')}`;
}

export function claimsFor(nonce: string, keysetSha384: string, result: 'verified' | 'simulated') {
  const simulated = result === 'simulated';
  return {
    iss: `https://attest.example${simulated ? '/simulated' : ''}`, jti: 'a', tee: simulated ? 'tdx-sim' : 'tdx',
    iat: NOW, nbf: NOW, exp: NOW + 300, eat_nonce: nonce, sotto_keyset_sha384: keysetSha384, sotto_result: result,
    submods: { cpu0: { 'ear.status': simulated ? 'contraindicated' : 'affirming' } },
  } as Record<string, unknown>;
}

export const KEYSET = '{"v":1}';

export async function digest(text: string): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-384', utf8(text))));
}

export interface Service {
  settings: unknown;
  evidence: (nonce: string) => Response;
  verdict: (document: Record<string, unknown>) => Promise<Response>;
  jwks: () => Response;
  asked: string[];
}

export async function makeService(key: Key, result: 'verified' | 'simulated' = 'verified'): Promise<Service> {
  return {
    settings: { attestation: 'https://attest.example' },
    evidence: (nonce) => Response.json({ v: 1, tee: 'tdx', nonce, keyset: btoa(KEYSET) }),
    verdict: async (d) => new Response(await sign(key, claimsFor(d.nonce as string, await digest(KEYSET), result))),
    jwks: () => Response.json({ keys: [key.jwk] }),
    asked: [],
  };
}

export function makeWorld(s: Service): World {
  const fetch: Fetch = async (url, init) => {
    s.asked.push(`${init.method ?? 'GET'} ${url.replace(/[0-9a-f]{64}/, 'NONCE')}`);
    init.signal?.throwIfAborted();
    if (url === '/sotto/page.json') {
      return Response.json(s.settings);
    }
    if (url.startsWith('/.well-known/sotto/evidence?nonce=')) {
      return s.evidence(url.slice(url.indexOf('=') + 1));
    }
    if (url === 'https://attest.example/v1/attestation') {
      const ask = JSON.parse(init.body as string) as Record<string, unknown>;
      const document = fromBase64Url(ask.evidence as string);
      return s.verdict(JSON.parse(Buffer.from(document ?? []).toString()) as Record<string, unknown>);
    }
    return s.jwks();
  };
  return { fetch, subtle: crypto.subtle, random: (b) => crypto.getRandomValues(b), now: () => NOW * 1000 };
}
