import { describe, expect, it } from 'vitest';
import { fromBase64, fromBase64Url, fromUtf8, parseObject, toBase64Url, toHex, utf8 } from '../../src/bytes';

describe('encodings', () => {
  it('go there and back', () => {
    for (let n = 0; n < 300; n++) {
      const b = new Uint8Array(n).map((_, i) => (i * 37 + n) & 255);
      expect(fromBase64Url(toBase64Url(b))).toEqual(b);
      expect(toBase64Url(b)).toBe(Buffer.from(b).toString('base64url'));
      expect(fromBase64(Buffer.from(b).toString('base64'))).toEqual(b);
    }
    expect(toHex(new Uint8Array([0, 10, 255]))).toBe('000aff');
  });

  it('have one spelling', () => {
    for (const bad of ['A', 'AA', 'AAA', 'AB==', 'AAB=', 'AA=A', '====', 'AA==\n', ' AA==', 'A-__', 'AA==AA==']) {
      expect(fromBase64(bad), bad).toBeNull();
    }
    for (const bad of ['A', 'AB', 'AA==', 'A+AA', 'A/AA', 'AA AA', 'AAB']) {
      expect(fromBase64Url(bad), bad).toBeNull();
    }
  });

  it('refuse what is not UTF-8 and not an object', () => {
    expect(fromUtf8(new Uint8Array([0xc3, 0x28]))).toBeNull();
    expect(fromUtf8(utf8('è'))).toBe('è');
    for (const bad of ['', '[]', 'null', '1', '{', '{"a":1}x']) {
      expect(parseObject(bad), bad).toBeNull();
    }
    expect(parseObject('{"a":1}')).toEqual({ a: 1 });
    expect(parseObject(null)).toBeNull();
  });
});
