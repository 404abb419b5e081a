// One check of the service: a fresh nonce, its evidence, the attestation service's verdict, and the verdict's token
// checked by this page.

import { type Bytes, fromBase64, fromUtf8, parseObject, toBase64Url, toHex } from '../bytes';
import { type Fetch, plain, readBytes, readObject, TooLarge } from '../net';
import { type Claims, checkToken, type Result, TokenError } from './token';

export interface Fact {
  fact: string;
  reason: string;
  text: string;
}

export type Outcome =
  | { kind: Result; claims: Claims; expires: number /* ms */ }
  /** undecided: it could not be checked. Otherwise: it was checked and refused. */
  | { kind: 'failed'; undecided: boolean; code: string; text: string; facts: Fact[] };

export interface World {
  fetch: Fetch;
  /** undefined where the browser offers none: plain HTTP from another machine. */
  subtle: SubtleCrypto | undefined;
  random(bytes: Bytes): Bytes;
  now(): number; // ms
}

const DOCUMENT_MAX = 8 << 20;
const REPLY_MAX = 256 << 10;
const TIMEOUT = 30_000; // ms, for the whole check

class Stop extends Error {
  constructor(readonly undecided: boolean, readonly code: string, message: string, readonly facts: Fact[] = []) {
    super(message);
  }
}

const text = (v: unknown, max = 400): string => (typeof v === 'string' ? v.slice(0, max) : '');

/** A name of the table of reasons, or nothing. */
const reasonName = (v: unknown): string => (typeof v === 'string' && /^[A-Z][A-Z0-9_]{2,47}$/.test(v) ? v : '');

function factsOf(reply: Record<string, unknown> | null): Fact[] {
  const list = Array.isArray(reply?.reasons) ? (reply.reasons as unknown[]).slice(0, 64) : [];
  return list.filter((f) => typeof f === 'object' && f !== null).map((f) => {
    const { fact, reason, text: sentence } = f as Record<string, unknown>;
    return { fact: text(fact, 64), reason: reasonName(reason), text: text(sentence) };
  });
}

/** The address of the attestation service, as this page's server was configured with it. */
async function readSettings(world: World, signal: AbortSignal): Promise<string> {
  const reply = await world.fetch('/sotto/page.json', { ...plain, signal });
  const settings = reply.ok ? await readObject(reply, REPLY_MAX) : null;
  if (settings === null) {
    throw new Stop(true, 'SETTINGS_ABSENT', 'The service did not say which attestation service judges it.');
  }
  if (typeof settings.attestation !== 'string' || !/^https?:\/\/[^/]+$/.test(settings.attestation)) {
    throw new Stop(true, 'ATTESTATION_ABSENT', 'No attestation service is configured for this page.');
  }
  return settings.attestation;
}

interface Evidence {
  document: Bytes;
  keysetSha384: string;
}

async function readEvidence(world: World, subtle: SubtleCrypto, nonce: string, signal: AbortSignal): Promise<Evidence> {
  const reply = await world.fetch(`/.well-known/sotto/evidence?nonce=${nonce}`, { ...plain, signal });
  const document = await readBytes(reply, DOCUMENT_MAX);
  const parsed = parseObject(fromUtf8(document));
  if (!reply.ok) {
    throw new Stop(true, reasonName(parsed?.reason) || `HTTP_${reply.status}`,
                   `The service gave no evidence. ${text(parsed?.detail) || text(parsed?.error)}`.trim());
  }
  const keyset = typeof parsed?.keyset === 'string' ? fromBase64(parsed.keyset) : null;
  if (parsed === null || parsed.v !== 1 || keyset === null) {
    throw new Stop(false, 'DOCUMENT_FORM', "The service's evidence is malformed.");
  }
  if (parsed.nonce !== nonce) {
    throw new Stop(false, 'DOCUMENT_NONCE', "The service's evidence was not made for this page's question.");
  }
  return { document, keysetSha384: toHex(new Uint8Array(await subtle.digest('SHA-384', keyset))) };
}

async function askVerdict(world: World, service: string, document: Bytes, signal: AbortSignal): Promise<string> {
  const reply = await world.fetch(`${service}/v1/attestation`, {
    ...plain, credentials: 'omit', method: 'POST', signal,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ tee: 'tdx', evidence: toBase64Url(document), policy_ids: [] }),
  });
  const body = fromUtf8(await readBytes(reply, REPLY_MAX)) ?? '';
  if (reply.ok) {
    return body.trim();
  }
  const problem = parseObject(body);
  const undecided = problem?.result === 'undecided' || reply.status >= 500 || reply.status === 429 ||
    (problem?.result !== 'refused' && reply.status !== 400 && reply.status !== 403);
  const said = text(problem?.detail) || text(problem?.title) || `status ${reply.status}`;
  throw new Stop(undecided, reasonName(problem?.reason) || `HTTP_${reply.status}`,
                 undecided ? `The attestation service could not decide: ${said}.`
                           : `The attestation service refused the evidence: ${said}.`, factsOf(problem));
}

/** A request that fails without an answer says nothing about the service: undecided, by name. */
async function reach<T>(code: string, message: string, signal: AbortSignal, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (e) {
    if (e instanceof Stop || e instanceof TokenError) {
      throw e;
    }
    if (signal.aborted) {
      throw new Stop(true, 'TIMEOUT', 'The check took too long.');
    }
    throw new Stop(true, e instanceof TooLarge ? 'REPLY_TOO_LARGE' : code, message);
  }
}

async function check(world: World, signal: AbortSignal): Promise<Outcome> {
  const subtle = world.subtle;
  if (subtle === undefined) {
    throw new Stop(true, 'NO_WEBCRYPTO', 'This browser offers no cryptography to pages that came over plain HTTP from ' +
      'another machine. Open the page over HTTPS, or on 127.0.0.1.');
  }
  const nonce = toHex(world.random(new Uint8Array(32)));
  const service = await reach('SERVICE_UNREACHABLE', 'The service does not answer.', signal,
                              readSettings(world, signal));
  const evidence = await reach('SERVICE_UNREACHABLE', 'The service does not answer.', signal,
                               readEvidence(world, subtle, nonce, signal));
  const unreachable = `The attestation service at ${service} does not answer.`;
  const token = await reach('ATTESTATION_UNREACHABLE', unreachable, signal,
                            askVerdict(world, service, evidence.document, signal));
  const jwks = await reach('ATTESTATION_UNREACHABLE', unreachable, signal, (async () => {
    const reply = await world.fetch(`${service}/jwks.json`, { ...plain, credentials: 'omit', signal });
    if (!reply.ok) {
      throw new Stop(true, `HTTP_${reply.status}`, `The attestation service at ${service} does not give its keys.`);
    }
    return readObject(reply, REPLY_MAX);
  })());
  const wanted = { nonce, keysetSha384: evidence.keysetSha384, now: Math.floor(world.now() / 1000) };
  const checked = await checkToken(token, jwks, wanted, subtle);
  return { kind: checked.result, claims: checked.claims, expires: checked.expires * 1000 };
}

/** Never throws; a cancelled check ends as failed and is nobody's verdict. */
export async function attest(world: World, cancel: AbortSignal): Promise<Outcome> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), TIMEOUT);
  const stop = () => late.abort();
  cancel.addEventListener('abort', stop);
  try {
    return await check(world, late.signal);
  } catch (e) {
    if (e instanceof Stop) {
      return { kind: 'failed', undecided: e.undecided, code: e.code, text: e.message, facts: e.facts };
    }
    if (e instanceof TokenError) {
      return { kind: 'failed', undecided: false, code: e.code, text: `${upper(e.message)}.`, facts: [] };
    }
    return { kind: 'failed', undecided: true, code: 'INTERNAL', text: 'The check itself failed.', facts: [] };
  } finally {
    clearTimeout(timer);
    cancel.removeEventListener('abort', stop);
  }
}

const upper = (s: string): string => s.charAt(0).toUpperCase() + s.slice(1);

export const browser: World = {
  fetch: (url, init) => fetch(url, init),
  subtle: globalThis.crypto?.subtle,
  random: (b) => crypto.getRandomValues(b),
  now: () => Date.now(),
};
