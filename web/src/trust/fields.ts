// The thirteen fields that the panel shows, in their order and spelling.

import type { Claims } from './token';

export const FIELDS = ['jti', 'tee', 'exp', 'iat', 'mr_td', 'rtmr_0', 'rtmr_1', 'rtmr_2', 'rtmr_3', 'mr_seam',
  'seam_attributes', 'td_attributes', 'xfam'] as const;

/** "2026-11-24 14:03:07 Europe/Berlin" */
export function formatTime(seconds: number, zone = Intl.DateTimeFormat().resolvedOptions().timeZone): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit',
    hour: '2-digit', minute: '2-digit', second: '2-digit',
  }).formatToParts(new Date(seconds * 1000));
  const get = (type: string) => parts.find((p) => p.type === type)?.value ?? '';
  return `${get('year')}-${get('month')}-${get('day')} ${get('hour')}:${get('minute')}:${get('second')} ${zone}`;
}

export function listFields(claims: Claims): [name: string, value: string][] {
  return FIELDS.map((name) => {
    const v = claims[name];
    if ((name === 'exp' || name === 'iat') && typeof v === 'number') {
      return [name, formatTime(v)];
    }
    return [name, typeof v === 'string' || typeof v === 'number' ? String(v) : 'not in the token'];
  });
}
