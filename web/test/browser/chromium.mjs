// The distribution's Chromium in a fresh profile, and a TAP printer small enough to read.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';

const root = join(import.meta.dirname, '..', '..', '..');
export const out = resolve(process.env.OUT || join(root, 'build', 'screenshots'));
mkdirSync(out, { recursive: true });

export async function openBrowser(options = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'sotto-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
           '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    headless: true,
    viewport: { width: 1180, height: 800 },
    ...options,
  });
  context.setDefaultTimeout(15000);
  return { context, close: async () => { await context.close(); rmSync(profile, { recursive: true, force: true }); } };
}

let count = 0;
let failed = 0;

export async function test(name, body) {
  count++;
  try {
    await body();
    console.log(`ok ${count} - ${name}`);
  } catch (e) {
    failed++;
    console.log(`not ok ${count} - ${name}\n${String(e.stack).split('\n').slice(0, 12).map((l) => `#   ${l}`).join('\n')}`);
  }
}

export function finish() {
  console.log(`1..${count}`);
  process.exitCode = failed > 0 || count === 0 ? 1 : 0;
}

export const shot = (page, name) => page.screenshot({ path: join(out, `${name}.png`) });
