// The last step of a build: compresses the files of the bundle and writes dist/page.inc, the table that
// src/page/files.c embeds them by. Every entry names its content's digest, so the table changes with any file.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, constants } from 'node:zlib';

const types = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

const dist = process.argv[2];
const etag = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 32);
const extension = (name) => name.slice(name.lastIndexOf('.'));

// What is bundled is said, with its terms: the packages of the lock file that are not for the build alone.
const web = join(import.meta.dirname, '..');
const lock = JSON.parse(readFileSync(join(web, 'package-lock.json'), 'utf8')).packages;
const notices = Object.keys(lock).filter((path) => path !== '' && !lock[path].dev).sort().map((path) => {
  const license = readdirSync(join(web, path)).find((name) => /^licen[cs]e/i.test(name));
  if (license === undefined) {
    throw new Error(`${path}: no licence file`);
  }
  const title = `${path.replace('node_modules/', '')} ${lock[path].version}`;
  return `${title}\n${'='.repeat(title.length)}\n\n${readFileSync(join(web, path, license), 'utf8').trim()}\n`;
});
writeFileSync(join(dist, 'licenses.txt'),
  `The chat page is part of Sotto (Apache-2.0). It contains parts of these packages.\n\n${notices.join('\n\n')}`);

const names = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((e) => e.isFile())
  .map((e) => join(e.parentPath, e.name).slice(join(dist, '/').length));

const entries = [];
for (const name of names) {
  if (name === 'page.inc' || name.endsWith('.gz')) {
    rmSync(join(dist, name));
    continue;
  }
  const type = types[extension(name)];
  if (type === undefined) {
    throw new Error(`${name}: no content type for it in tools/embed.mjs`);
  }
  const content = readFileSync(join(dist, name));
  const gzip = gzipSync(content, { level: constants.Z_BEST_COMPRESSION });
  gzip[9] = 255; // the operating system: unknown (RFC 1952, section 2.3.1)
  const path = name === 'index.html' ? '/' : `/${name}`;
  const cache = name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
  entries.push({ path, name, type, cache, content, gzip });
  writeFileSync(join(dist, `${name}.gz`), gzip);
}
entries.sort((a, b) => (a.path < b.path ? -1 : 1));

const quoted = (s) => JSON.stringify(s);
const lines = entries.map((e, n) =>
  `PAGE_FILE(${n}, ${[e.path, e.type, e.cache, e.name].map(quoted).join(', ')}, ${e.content.length}, ` +
  `${e.gzip.length}, ${quoted(etag(e.content))}, ${quoted(etag(e.gzip))})`);
writeFileSync(join(dist, 'page.inc'),
  '/* Made by web/tools/embed.mjs: number, path, type, cache, file, size, gzip size, digests. */\n' +
  lines.join('\n') + '\n');

for (const e of entries) {
  console.log(`${String(e.content.length).padStart(8)} ${String(e.gzip.length).padStart(8)} gz  ${e.path}`);
}
