// The verifier's WebAssembly module judges a quote; the host gives it hashes and ECDSA, and nothing else. Prints the verdict.
// Usage: verify.mjs MODULE QUOTE POLICY SECONDS COLLATERAL-FILE...
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync, writeSync } from 'node:fs';
import { basename } from 'node:path';

const [module, quote, policy, seconds, ...collateral] = process.argv.slice(2);
const algorithms = ['sha256', 'sha384', 'sha512'];
const running = new Map(); // address of a struct hash to its hash
let x; // the module's exports

const memory = (p, n) => new Uint8Array(x.memory.buffer, p, n);
const word = (p) => new DataView(x.memory.buffer).getUint32(p, true);
const bytes = (p) => Buffer.from(memory(word(p), word(p + 4))); // of a struct bytes
const url = (b) => b.toString('base64url');

const env = {
    hash_size: (alg) => [32, 48, 64][alg],
    hash_bytes: (alg, b, out) => memory(out, 64).set(createHash(algorithms[alg]).update(bytes(b)).digest()),
    hash_init: (h, alg) => running.set(h, createHash(algorithms[alg])),
    hash_add: (h, b) => running.get(h).update(bytes(b)),
    hash_end: (h, out) => memory(out, 64).set(running.get(h).digest()),
    sig_check: (curve, key, message, rs) => {
        const xy = bytes(key);
        const jwk = { kty: 'EC', crv: ['P-256', 'P-384'][curve], x: url(xy.subarray(0, xy.length / 2)), y: url(xy.subarray(xy.length / 2)) };
        return Number(verify(algorithms[curve], bytes(message), { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }, bytes(rs)));
    },
};
x = (await WebAssembly.instantiate(readFileSync(module), { env })).instance.exports;
x._initialize?.();

function put(data) {
    const p = x.malloc(data.length + 1);
    memory(p, data.length + 1).set([...data, 0]);
    return p;
}
function text(p) {
    const all = memory(p, x.memory.buffer.byteLength - p);
    return Buffer.from(all.subarray(0, all.indexOf(0))).toString();
}

const out = x.malloc(4);
const files = x.malloc(12 * collateral.length);
collateral.forEach((name, i) => {
    const data = readFileSync(name);
    const row = [put(Buffer.from(basename(name))), put(data), data.length];
    row.forEach((v, k) => new DataView(x.memory.buffer).setUint32(files + 12 * i + 4 * k, v, true));
});
const rules = readFileSync(policy);
if (!x.sotto_policy_parse(put(rules), rules.length, out, 0, 0)) throw new Error('the policy is refused');
// struct sotto_input: policy, 4 bytes of padding, time, files, file_count, nonce, connection_spki, bundle_time
const input = x.malloc(40);
memory(input, 40).fill(0);
const view = new DataView(x.memory.buffer);
view.setUint32(input, word(out), true);
view.setBigInt64(input + 8, BigInt(seconds), true);
view.setUint32(input + 16, files, true);
view.setUint32(input + 20, collateral.length, true);
const raw = readFileSync(quote);
const result = x.sotto_verify(0, put(raw), raw.length, input, out);
const verdict = word(out);
writeSync(1, text(x.sotto_verdict_json(verdict)) + '\n');
x.sotto_verdict_free(verdict);
process.exitCode = result;
