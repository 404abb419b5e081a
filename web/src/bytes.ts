// Encodings, strict: what is not the one spelling of some bytes is null.

export type Bytes = Uint8Array<ArrayBuffer>;

export function toHex(b: Uint8Array): string {
  let s = '';
  for (const x of b) {
    s += x.toString(16).padStart(2, '0');
  }
  return s;
}

function fromBinary(s: string): Bytes {
  const b = new Uint8Array(s.length);
  for (let i = 0; i < s.length; i++) {
    b[i] = s.charCodeAt(i);
  }
  return b;
}

function toBinary(b: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < b.length; i += 8192) {
    parts.push(String.fromCharCode(...b.subarray(i, i + 8192)));
  }
  return parts.join('');
}

/** RFC 4648, section 4, with padding. */
export function fromBase64(s: string): Bytes | null {
  if (s.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(s)) {
    return null;
  }
  try {
    const binary = atob(s);
    return btoa(binary) === s ? fromBinary(binary) : null;
  } catch {
    return null;
  }
}

/** RFC 4648, section 5, without padding. */
export function toBase64Url(b: Uint8Array): string {
  return btoa(toBinary(b)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

export function fromBase64Url(s: string): Bytes | null {
  if (!/^[A-Za-z0-9_-]*$/.test(s) || s.length % 4 === 1) {
    return null;
  }
  const padded = s.replaceAll('-', '+').replaceAll('_', '/') + '='.repeat((4 - (s.length % 4)) % 4);
  return fromBase64(padded);
}

export function utf8(s: string): Bytes {
  return new TextEncoder().encode(s);
}

/** null: not UTF-8. */
export function fromUtf8(b: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(b);
  } catch {
    return null;
  }
}

/** null: not a JSON object. */
export function parseObject(text: string | null): Record<string, unknown> | null {
  if (text === null) {
    return null;
  }
  try {
    const v: unknown = JSON.parse(text);
    return typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
