import { expect, it } from 'vitest';
import { FIELDS, formatTime, listFields } from '../../src/trust/fields';

it('are thirteen, in their order', () => {
  expect(FIELDS.join(' ')).toBe(
    'jti tee exp iat mr_td rtmr_0 rtmr_1 rtmr_2 rtmr_3 mr_seam seam_attributes td_attributes xfam');
});

it('have times of the zone, with its name', () => {
  expect(formatTime(0, 'UTC')).toBe('1970-01-01 00:00:00 UTC');
  expect(formatTime(1764000000, 'Asia/Shanghai')).toBe('2025-11-25 00:00:00 Asia/Shanghai');
  expect(formatTime(1751374800, 'Europe/Berlin')).toBe('2025-07-01 15:00:00 Europe/Berlin');
});

it('say what a token lacks', () => {
  const fields = Object.fromEntries(listFields({ jti: 'j', exp: 60, tee: {}, mr_td: 'aa', other: 'x' }));
  expect(Object.keys(fields)).toHaveLength(13);
  expect(fields).toMatchObject({ jti: 'j', mr_td: 'aa', tee: 'not in the token', iat: 'not in the token' });
  expect(fields.exp).toMatch(/^1970-01-0\d \d\d:\d\d:\d\d \S+$/);
});
