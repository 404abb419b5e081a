import { expect, it } from 'vitest';
import { readBytes, readLines, TooLarge } from '../../src/net';

const stream = (...parts: (string | Uint8Array)[]): ReadableStream<Uint8Array> => new ReadableStream({
  start(c) {
    parts.forEach((p) => c.enqueue(typeof p === 'string' ? new TextEncoder().encode(p) : p));
    c.close();
  },
});

async function all(body: ReadableStream<Uint8Array>) {
  const got: unknown[] = [];
  for await (const v of readLines(body)) {
    got.push(v);
  }
  return got;
}

it('reads lines however they are cut', async () => {
  const bytes = new TextEncoder().encode('{"a":"è"}\n\n{"b":2}\n{"c":3}');
  for (let n = 1; n <= bytes.length; n++) {
    const parts: Uint8Array[] = [];
    for (let i = 0; i < bytes.length; i += n) {
      parts.push(bytes.slice(i, i + n));
    }
    expect(await all(stream(...parts))).toEqual([{ a: 'è' }, { b: 2 }, { c: 3 }]);
  }
});

it('ends with an error at what is no line', async () => {
  await expect(all(stream('{"a":1}\nhello\n'))).rejects.toThrow('newline-delimited');
  await expect(all(stream('[1]\n'))).rejects.toThrow('newline-delimited');
  await expect(all(stream('x'.repeat((1 << 20) + 1)))).rejects.toThrow(TooLarge);
});

it('bounds a body', async () => {
  expect(await readBytes(new Response(stream('ab', 'c')), 3)).toEqual(new TextEncoder().encode('abc'));
  await expect(readBytes(new Response(stream('ab', 'cd')), 3)).rejects.toThrow(TooLarge);
  expect(await readBytes(new Response(null), 0)).toHaveLength(0);
});
