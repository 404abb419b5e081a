// What one chat knows about the service, and whether a prompt may leave.

import type { Outcome } from './attest';

export interface Trust {
  status: 'none' | 'checking' | Outcome['kind'];
  run: number; // the check that counts; an older one's outcome is dropped
  outcome: Outcome | null;
  /** The user chose to go on without a verdict; stays for the life of the chat. */
  continued: boolean;
}

export const unchecked: Trust = { status: 'none', run: 0, outcome: null, continued: false };

export type TrustEvent =
  | { type: 'begin' }
  | { type: 'end'; run: number; outcome: Outcome }
  | { type: 'refute'; outcome: Outcome }
  | { type: 'expire'; now: number }
  | { type: 'continue' };

export function next(t: Trust, e: TrustEvent): Trust {
  switch (e.type) {
    case 'begin':
      return { ...t, status: 'checking', run: t.run + 1, outcome: null };
    case 'end':
      return e.run === t.run && t.status === 'checking' ? { ...t, status: e.outcome.kind, outcome: e.outcome } : t;
    case 'refute': // a good verdict that does not cover what the chat is about to use
      return t.status === 'verified' || t.status === 'simulated' ? { ...t, status: 'failed', outcome: e.outcome } : t;
    case 'expire':
      return isExpired(t, e.now) ? { ...t, status: 'none', outcome: null } : t;
    case 'continue':
      return t.status === 'failed' ? { ...t, continued: true } : t;
  }
}

function isExpired(t: Trust, now: number): boolean {
  return t.outcome !== null && t.outcome.kind !== 'failed' && now >= t.outcome.expires;
}

/** send: it may leave now. wait: a check is running. check: one must run first. ask: only the user can say. */
export type Gate = 'send' | 'wait' | 'check' | 'ask';

export function gate(t: Trust, now: number): Gate {
  switch (t.status) {
    case 'none':
      return 'check';
    case 'checking':
      return 'wait';
    case 'failed':
      return t.continued ? 'send' : 'ask';
    case 'verified':
    case 'simulated':
      return isExpired(t, now) ? 'check' : 'send';
  }
}
