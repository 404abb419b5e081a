import { afterEach, expect, it, vi } from 'vitest';
import { chat } from '../../src/api';

afterEach(() => vi.unstubAllGlobals());

const line = (message: unknown, done = false) => `${JSON.stringify({ message, done, done_reason: 'stop' })}\n`;

async function heard(...lines: string[]) {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(lines.join(''))));
  const got: string[] = [];
  await chat('m', null, [], new AbortController().signal, (t) => got.push(`says ${t}`), (t) => got.push(`thinks ${t}`));
  return got;
}

it('keeps thoughts apart from the answer', async () => {
  expect(await heard(line({ content: '', thinking: 'hm' }), line({ thinking: '<b>' }), line({ content: 'Yes.' }), line({ content: '' }, true)))
    .toEqual(['thinks hm', 'thinks <b>', 'says Yes.']);
});

it('says whether something was left out', async () => {
  for (const truncated of [true, false, undefined, 'yes']) {
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(`${JSON.stringify({ done: true, truncated })}\n`)));
    const stats = await chat('m', null, [], new AbortController().signal, () => {}, () => {});
    expect(stats.truncated).toBe(truncated === true);
  }
});

it('passes over what is no text', async () => {
  expect(await heard(line(null), line({ thinking: 5, content: { a: 1 } }), line({ content: 'x' }, true))).toEqual(['says x']);
});
