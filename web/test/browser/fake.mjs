// A service and an attestation service for the page's tests: the same routes, no model, and a key of its own. What
// they do is set per test in `world`; what they were asked stands in `world.seen`.
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const dist = join(import.meta.dirname, '..', '..', 'dist');
const types = { css: 'text/css; charset=utf-8', html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8',
                svg: 'image/svg+xml', txt: 'text/plain; charset=utf-8' };

const b64url = (v) => Buffer.from(typeof v === 'string' ? v : JSON.stringify(v)).toString('base64url');

export function makeKey() {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x, y } = pair.publicKey.export({ format: 'jwk' });
  const kid = createHash('sha256').update(JSON.stringify({ crv: 'P-256', kty: 'EC', x, y })).digest('base64url');
  return { private: pair.privateKey, jwk: { alg: 'ES256', crv: 'P-256', kid, kty: 'EC', use: 'sig', x, y } };
}

export function signToken(key, claims, header = {}) {
  const signed = `${b64url({ alg: 'ES256', kid: key.jwk.kid, typ: 'JWT', ...header })}.${b64url(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), { key: key.private, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const hex = (byte, n) => byte.repeat(n);

export function makeClaims(document, result, now = Math.floor(Date.now() / 1000)) {
  const simulated = result === 'simulated';
  const keyset = Buffer.from(document.keyset, 'base64');
  return {
    iss: `http://attest.test${simulated ? '/simulated' : ''}`, jti: randomUUID(), tee: simulated ? 'tdx-sim' : 'tdx',
    iat: now, nbf: now, exp: now + 300, eat_nonce: document.nonce, sotto_result: result,
    sotto_keyset_sha384: createHash('sha384').update(keyset).digest('hex'),
    sotto_models: [{ name: 'smollm2:135m', model_id: hex('5a', 48), manifest_sha384: hex('5b', 48) },
                   { name: 'another:1b', model_id: hex('6a', 48), manifest_sha384: hex('6b', 48) }],
    submods: { cpu0: { 'ear.status': simulated ? 'contraindicated' : 'affirming' } },
    mr_td: hex('1a', 48), rtmr_0: hex('20', 48), rtmr_1: hex('21', 48), rtmr_2: hex('22', 48), rtmr_3: hex('23', 48),
    mr_seam: hex('30', 48), seam_attributes: hex('00', 8), td_attributes: '0000001000000000', xfam: 'e702060000000000',
  };
}

export function makeWorld() {
  return {
    result: 'simulated', // of the attestation service: verified, simulated, refused, undecided
    reasons: 1, // of a refusal
    delay: 0, // ms, of the verdict
    hold: null, // a promise that the verdict waits for
    evidenceStatus: 200,
    attestation: true, // false: none is configured
    gone: false, // the attestation service closes every connection
    jwksStatus: 200,
    tagsStatus: 200,
    claims: (c) => c,
    token: (t) => t,
    keyset: '{"v":1,"node":"00"}',
    documentNonce: null,
    answer: ['Hello', ', ', 'world', '.'],
    pause: 0, // ms between two pieces of an answer
    chatStatus: 200,
    chatError: '',
    breakOff: false,
    models: ['smollm2:135m', 'another:1b'],
    seen: { evidence: [], verdicts: [], prompts: [], aborted: 0, foreign: [] },
    verdicts: 0, // given so far
  };
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function readBody(req) {
  const parts = [];
  for await (const part of req) {
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function json(res, status, body, type = 'application/json') {
  res.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
  res.end(JSON.stringify(body));
}

function pageHeaders(attestation) {
  return {
    'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
      `font-src 'self'; connect-src 'self' ${attestation}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; ` +
      "require-trusted-types-for 'script'; trusted-types 'none'",
    'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin', 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer',
  };
}

async function chat(world, req, res) {
  const body = JSON.parse(await readBody(req));
  world.seen.prompts.push({ body, verdicts: world.verdicts, demand: req.headers['sotto-model-id'] });
  if (world.chatStatus !== 200) {
    json(res, world.chatStatus, { error: world.chatError });
    return;
  }
  res.on('close', () => {
    world.seen.aborted += res.writableFinished ? 0 : 1;
  });
  res.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
  for (const piece of world.answer) {
    if (res.destroyed) {
      return;
    }
    res.write(`${JSON.stringify({ model: body.model, message: { role: 'assistant', content: piece }, done: false })}\n`);
    if (world.pause > 0) {
      await sleep(world.pause);
    }
  }
  if (world.breakOff) {
    res.destroy();
    return;
  }
  if (world.chatError !== '') {
    res.end(`${JSON.stringify({ error: world.chatError })}\n`);
    return;
  }
  res.end(`${JSON.stringify({ model: body.model, message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop',
    total_duration: 1_500_000_000, prompt_eval_count: 31, eval_count: 84, eval_duration: 1_200_000_000 })}\n`);
}

async function service(world, req, res, attestation) {
  const url = new URL(req.url, 'http://x');
  if (url.pathname === '/sotto/page.json') {
    json(res, 200, { attestation: world.attestation ? attestation : null });
  } else if (url.pathname === '/api/tags') {
    json(res, world.tagsStatus, { models: world.models.map((name) => ({ name, model: name })) });
  } else if (url.pathname === '/.well-known/sotto/evidence') {
    const nonce = url.searchParams.get('nonce');
    world.seen.evidence.push(nonce);
    if (world.evidenceStatus !== 200) {
      json(res, world.evidenceStatus, { error: 'this machine has no quote device', reason: 'NO_QUOTE_DEVICE' });
      return;
    }
    json(res, 200, { v: 1, tee: 'tdx', quote: 'AAAA', keyset: Buffer.from(world.keyset).toString('base64'),
                     nonce: world.documentNonce ?? nonce });
  } else if (url.pathname === '/api/chat' && req.method === 'POST') {
    await chat(world, req, res);
  } else {
    const name = url.pathname === '/' ? 'index.html' : url.pathname.slice(1);
    let content;
    try {
      content = readFileSync(join(dist, name));
    } catch {
      world.seen.foreign.push(req.url);
      res.writeHead(404).end();
      return;
    }
    res.writeHead(200, { 'Content-Type': types[name.split('.').pop()], ...pageHeaders(attestation) });
    res.end(content);
  }
}

async function attestd(world, key, req, res) {
  if (world.gone) {
    res.destroy();
    return;
  }
  res.setHeader('Access-Control-Allow-Origin', req.headers.origin ?? '*');
  res.setHeader('Access-Control-Allow-Headers', 'Content-Type');
  if (req.method === 'OPTIONS') {
    res.writeHead(204).end();
    return;
  }
  if (req.url === '/jwks.json') {
    json(res, world.jwksStatus, { keys: [makeKey().jwk, key.jwk] });
    return;
  }
  const ask = JSON.parse(await readBody(req));
  const document = JSON.parse(Buffer.from(ask.evidence, 'base64url').toString());
  world.seen.verdicts.push({ ask, document });
  await sleep(world.delay);
  await world.hold;
  world.verdicts++;
  if (world.result === 'refused') {
    json(res, 403, { type: 'urn:sotto:reason:PROGRAM_OTHER', title: 'refused', status: 403, reason: 'PROGRAM_OTHER',
      detail: 'the program is not one that the policy lists', result: 'refused', reasons: Array(world.reasons).fill({
      fact: 'program', state: 'refuted', reason: 'PROGRAM_OTHER', text: 'the program is not one that the policy lists' }) },
      'application/problem+json');
  } else if (world.result === 'undecided') {
    json(res, 503, { type: 'urn:sotto:reason:COLLATERAL_ABSENT', title: 'undecided', status: 503,
      reason: 'COLLATERAL_ABSENT', detail: 'the TCB info is missing', result: 'undecided', reasons: [] },
      'application/problem+json');
  } else {
    const claims = world.claims(makeClaims(document, world.result), document);
    res.writeHead(200, { 'Content-Type': 'application/jwt' }).end(world.token(signToken(key, claims)));
  }
}

function listen(handler) {
  return new Promise((done) => {
    const server = createServer((req, res) => {
      handler(req, res).catch((e) => {
        console.error(`# fake server: ${e.stack}`);
        res.destroy();
      });
    });
    server.listen(0, '127.0.0.1', () => done({ server, origin: `http://127.0.0.1:${server.address().port}` }));
  });
}

/** Two servers on ports of their own. `use(world)` says how they behave from now on. */
export async function startFake() {
  const key = makeKey();
  let world = makeWorld();
  const judge = await listen((req, res) => attestd(world, key, req, res));
  const serve = await listen((req, res) => service(world, req, res, judge.origin));
  return {
    origin: serve.origin,
    attestation: judge.origin,
    use: (w) => { world = w; },
    stop: () => [serve, judge].forEach(({ server }) => { server.closeAllConnections(); server.close(); }),
  };
}
