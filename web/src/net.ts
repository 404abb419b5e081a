// Requests that end: bounded in size and in time.

import { type Bytes, fromUtf8, parseObject } from './bytes';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export class TooLarge extends Error {}

/** At most max bytes of a body; more is TooLarge. */
export async function readBytes(response: Response, max: number): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    length += value.length;
    if (length > max) {
      await reader.cancel();
      throw new TooLarge(`a body of more than ${max} bytes`);
    }
    parts.push(value);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export async function readObject(response: Response, max: number): Promise<Record<string, unknown> | null> {
  return parseObject(fromUtf8(await readBytes(response, max)));
}

/** What every request of the page has in common: no cookies elsewhere, no cache, no redirects. */
export const plain: RequestInit = {
  cache: 'no-store',
  credentials: 'same-origin',
  redirect: 'error',
  referrerPolicy: 'no-referrer',
};

/** A line is bounded: an answer's line is a few words, never a mebibyte. */
const LINE_MAX = 1 << 20;

/** The values of a stream of newline-delimited JSON objects. A line that is none ends it with an error. */
export async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<Record<string, unknown>> {
  const reader = body.getReader();
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      if (done && rest !== '') {
        lines.push(rest);
        rest = '';
      }
      if (rest.length > LINE_MAX) {
        throw new TooLarge('a line of the answer is too long');
      }
      for (const line of lines) {
        if (line.trim() !== '') {
          const v = parseObject(line);
          if (v === null) {
            throw new Error('the answer is not newline-delimited JSON');
          }
          yield v;
        }
      }
      if (done) {
        return;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
