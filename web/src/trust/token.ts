// The attestation service's token, checked here and not only decoded: signature (RFC 7515, ES256 alone), times,
// nonce, key set, and that its parts agree on what they say.

import { fromBase64Url, fromUtf8, parseObject, utf8 } from '../bytes';

export type Claims = Record<string, unknown>;
export type Result = 'verified' | 'simulated';

export interface Wanted {
  nonce: string; // hex, drawn by this page
  keysetSha384: string; // hex, of the key set in the evidence that this page fetched
  now: number; // seconds
}

export interface Checked {
  result: Result;
  claims: Claims;
  expires: number; // seconds
}

export class TokenError extends Error {
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

const TOKEN_MAX = 65536;
const SKEW = 120; // seconds that two clocks may differ
const LIFE_MAX = 3600;

function fail(code: string, message: string): never {
  throw new TokenError(code, message);
}

function part(text: string | undefined, what: string): Record<string, unknown> {
  const bytes = text === undefined ? null : fromBase64Url(text);
  return parseObject(bytes === null ? null : fromUtf8(bytes)) ?? fail('TOKEN_FORM', `the token's ${what} is malformed`);
}

/** The one key of a JWKS (RFC 7517) that the token names, for ES256 and for nothing else. */
function findKey(jwks: Record<string, unknown> | null, kid: unknown): JsonWebKey {
  const keys = Array.isArray(jwks?.keys) ? (jwks.keys as unknown[]) : fail('JWKS_FORM', 'the key list is malformed');
  if (typeof kid !== 'string' || kid === '') {
    fail('TOKEN_FORM', 'the token names no key');
  }
  const named = keys.filter((k) => typeof k === 'object' && k !== null && (k as { kid?: unknown }).kid === kid);
  if (named.length !== 1) {
    fail('TOKEN_KEY', 'the token names a key that the attestation service does not list');
  }
  const { kty, crv, x, y, alg, use } = named[0] as Record<string, unknown>;
  if (kty !== 'EC' || crv !== 'P-256' || typeof x !== 'string' || typeof y !== 'string' ||
      (alg !== undefined && alg !== 'ES256') || (use !== undefined && use !== 'sig')) {
    fail('TOKEN_KEY', 'the key that the token names is not for ES256 signatures');
  }
  return { kty, crv, x, y } as JsonWebKey;
}

async function checkSignature(token: string, jwks: Record<string, unknown> | null, subtle: SubtleCrypto) {
  const parts = token.split('.');
  if (token.length > TOKEN_MAX || parts.length !== 3) {
    fail('TOKEN_FORM', 'the token is malformed');
  }
  const [head, body, signature] = parts as [string, string, string];
  const header = part(head, 'header');
  if (header.alg !== 'ES256') {
    fail('TOKEN_ALGORITHM', 'the token is not signed with ES256');
  }
  if (header.crit !== undefined) {
    fail('TOKEN_FORM', 'the token demands extensions that this page does not know');
  }
  const jwk = findKey(jwks, header.kid);
  const rs = fromBase64Url(signature);
  if (rs === null || rs.length !== 64) {
    fail('TOKEN_FORM', "the token's signature is malformed");
  }
  const curve = { name: 'ECDSA', namedCurve: 'P-256' };
  const key = await subtle.importKey('jwk', jwk, curve, false, ['verify']).catch(
    () => fail('TOKEN_KEY', 'the key that the token names is not a point of P-256'));
  const signed = await subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, rs, utf8(`${head}.${body}`));
  if (!signed) {
    fail('TOKEN_SIGNATURE', "the token's signature is wrong");
  }
  return part(body, 'content');
}

function checkTimes(claims: Claims, now: number): number {
  const { iat, exp, nbf } = claims;
  if (typeof iat !== 'number' || typeof exp !== 'number' || !Number.isSafeInteger(iat) || !Number.isSafeInteger(exp) ||
      exp <= iat || exp - iat > LIFE_MAX || (nbf !== undefined && typeof nbf !== 'number')) {
    fail('TOKEN_TIME', 'the token does not say when it is valid');
  }
  if (iat > now + SKEW || (typeof nbf === 'number' && nbf > now + SKEW)) {
    fail('TOKEN_TIME', "the token is not valid yet, or this device's clock is slow");
  }
  if (exp <= now) {
    fail('TOKEN_EXPIRED', "the token has expired, or this device's clock is fast");
  }
  return exp;
}

function earStatus(claims: Claims): unknown {
  const cpu = (claims.submods as Record<string, unknown> | undefined)?.cpu0 as Record<string, unknown> | undefined;
  return cpu?.['ear.status'];
}

/** Four claims say the same thing; one that says it alone is not believed. */
function checkResult(claims: Claims): Result {
  const simulatedIssuer = typeof claims.iss === 'string' && claims.iss.endsWith('/simulated');
  const status = earStatus(claims);
  if (claims.sotto_result === 'simulated' || claims.tee === 'tdx-sim' || simulatedIssuer) {
    if (claims.sotto_result === 'simulated' && claims.tee === 'tdx-sim' && simulatedIssuer && status === 'contraindicated') {
      return 'simulated';
    }
    fail('TOKEN_RESULT', 'the token contradicts itself about a simulated platform');
  }
  if (claims.sotto_result !== 'verified' || claims.tee !== 'tdx' || (status !== 'affirming' && status !== 'warning')) {
    fail('TOKEN_RESULT', 'the token does not say that the service was verified');
  }
  return 'verified';
}

export async function checkToken(token: string, jwks: Record<string, unknown> | null, wanted: Wanted,
                                 subtle: SubtleCrypto): Promise<Checked> {
  const claims = await checkSignature(token, jwks, subtle);
  const expires = checkTimes(claims, wanted.now);
  if (claims.eat_nonce !== wanted.nonce) {
    fail('TOKEN_NONCE', 'the token answers another question than this page asked (nonce)');
  }
  if (claims.sotto_keyset_sha384 !== wanted.keysetSha384) {
    fail('TOKEN_KEYSET', 'the token speaks of other keys than the service showed to this page');
  }
  return { result: checkResult(claims), claims, expires };
}
