// Every request that our reader accepts, Node's own reader (llhttp) must read as the same: method, target and body. Ours
// may refuse more. Argument: the program http1_print. Prints TAP.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Duplex } from 'node:stream';

const [program] = process.argv.slice(2);
const corpus = new URL('../fuzz/corpus/http1/', import.meta.url);
const seeds = readdirSync(corpus).sort().map((name) => readFileSync(new URL(name, corpus)));
const tokens = ['\r\n', '\n', '\r', ' ', '\t', ':', '\0', '%00', '0', '1', 'Content-Length: 1\r\n', 'Transfer-Encoding: chunked\r\n',
  'Host: b\r\n', 'chunked', ', ', ';a=b', '+', '0x', '\x0b', '\x80', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'HTTP/1.0', '/../', ' \r\n', '-', '_', '\r\n\r\n'];

// A small generator of numbers with a fixed start: the same cases every time.
let state = 20261124;
const random = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};
const mutate = (bytes) => {
  let b = Buffer.from(bytes);
  for (let times = random(4); times > 0; times -= 1) {
    const at = random(b.length + 1);
    const token = Buffer.from(tokens[random(tokens.length)], 'latin1');
    const cut = random(3) === 0 ? random(8) : 0;
    const kind = random(4);
    if (kind === 0 && b.length > 0) b[random(b.length)] = random(256);
    else if (kind === 1) b = Buffer.concat([b.subarray(0, at), token, b.subarray(at + cut)]);
    else if (kind === 2) b = Buffer.concat([b.subarray(0, at), b.subarray(at + random(20))]);
    else b = Buffer.concat([b.subarray(0, at), seeds[random(seeds.length)].subarray(0, 200)]);
  }
  return b.subarray(0, 4000);
};

const cases = [...seeds];
// Most begin as a request that both accept, or little is compared.
const good = ['request', 'chunked'].map((name) => readFileSync(new URL(name, corpus)));
while (cases.length < 60000) cases.push(mutate(random(4) === 0 ? seeds[random(seeds.length)] : good[random(good.length)]));

const input = Buffer.concat(cases.flatMap((c) => {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(c.length);
  return [size, c];
}));
const ours = spawnSync(program, { input, maxBuffer: 2 ** 28 }).stdout.toString('latin1').trim().split('\n').map((l) => JSON.parse(l));

const tick = () => new Promise((done) => { setImmediate(done); });
const theirs = async (bytes, count) => {
  const seen = [];
  const server = createServer((request, response) => {
    const entry = [request.method, request.url, ''];
    const body = [];
    seen.push(entry);
    request.on('data', (d) => body.push(d));
    request.on('end', () => {
      entry[2] = Buffer.concat(body).toString('hex');
      entry.whole = true;
      response.end();
    });
  });
  server.on('clientError', (_, socket) => socket.destroy());
  const stream = new Duplex({ read() {}, write(_c, _e, next) { next(); } });
  stream.on('error', () => {});
  server.emit('connection', stream);
  stream.push(bytes);
  for (let i = 0; i < 20 && !(seen.length >= count && seen.every((e) => e.whole)); i += 1) await tick();
  await tick();
  stream.destroy();
  return seen;
};

// The other reader gets exactly the bytes of the messages that ours accepted: another idea of where one ends shows as a
// message too many, or as one that is not whole.
let accepted = 0;
const different = [];
for (let i = 0; i < cases.length && different.length < 5; i += 1) {
  const [used, ...messages] = ours[i];
  if (messages.length === 0) continue;
  accepted += messages.length;
  const other = await theirs(cases[i].subarray(0, used), messages.length);
  if (other.length !== messages.length || !messages.every((m, k) => other[k].whole && m.every((part, j) => part === other[k][j]))) {
    different.push(`${JSON.stringify(cases[i].subarray(0, used).toString('latin1'))}: ours ${JSON.stringify(messages)}, llhttp ${JSON.stringify(other)}`);
  }
}
console.log('1..2');
console.log(`${ours.length === cases.length && accepted > 1000 ? 'ok' : 'not ok'} 1 - ${cases.length} inputs, ${accepted} requests accepted`);
console.log(`${different.length === 0 ? 'ok' : 'not ok'} 2 - llhttp ${process.versions.llhttp} reads each of them as we do`);
different.forEach((d) => console.log(`# ${d}`));
process.exit(different.length > 0 ? 1 : 0);
