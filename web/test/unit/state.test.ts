import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/trust/attest';
import { gate, next, type Trust, unchecked } from '../../src/trust/state';

const good: Outcome = { kind: 'verified', claims: {}, expires: 1000 };
const simulated: Outcome = { kind: 'simulated', claims: {}, expires: 1000 };
const bad: Outcome = { kind: 'failed', undecided: false, code: 'X', text: '', facts: [] };

const begin = (t: Trust): Trust => next(t, { type: 'begin' });
const end = (t: Trust, outcome: Outcome, run = t.run): Trust => next(t, { type: 'end', run, outcome });

describe('what a chat knows', () => {
  it('lets nothing leave before a verdict', () => {
    expect(gate(unchecked, 0)).toBe('check');
    expect(gate(begin(unchecked), 0)).toBe('wait');
  });

  it('lets a prompt leave after one, until it expires', () => {
    for (const outcome of [good, simulated]) {
      const t = end(begin(unchecked), outcome);
      expect(t.status).toBe(outcome.kind);
      expect(gate(t, 999)).toBe('send');
      expect(gate(t, 1000)).toBe('check');
      expect(next(t, { type: 'expire', now: 999 })).toBe(t);
      expect(next(t, { type: 'expire', now: 1000 })).toMatchObject({ status: 'none', outcome: null });
    }
  });

  it('asks after a failure, and goes on only if told to', () => {
    const t = end(begin(unchecked), bad);
    expect(gate(t, 0)).toBe('ask');
    const c = next(t, { type: 'continue' });
    expect(gate(c, 0)).toBe('send');
    expect(gate(begin(c), 0)).toBe('wait');
    expect(end(begin(c), good).continued).toBe(true); // what was sent unverified stays so
  });

  it('cannot be told to go on before a failure', () => {
    for (const t of [unchecked, begin(unchecked), end(begin(unchecked), good)]) {
      expect(next(t, { type: 'continue' }).continued).toBe(false);
    }
  });

  it('loses a good verdict that does not cover what it would use', () => {
    expect(next(end(begin(unchecked), good), { type: 'refute', outcome: bad })).toMatchObject({ status: 'failed', outcome: bad });
    expect(next(unchecked, { type: 'refute', outcome: bad })).toBe(unchecked);
  });

  it('drops the outcome of an older check', () => {
    const first = begin(unchecked);
    const second = begin(first);
    expect(end(second, good, first.run)).toBe(second);
    expect(end(end(second, bad), good, second.run)).toMatchObject({ status: 'failed' });
  });
});
