// The models that the verified log says are loaded: the claim sotto_models of the token.

import type { Claims } from './token';

/** What the header Sotto-Model-Id demands for a model of this name; null: the verdict does not speak of it. */
export function demandOf(claims: Claims, name: string): string | null {
  const list = Array.isArray(claims.sotto_models) ? (claims.sotto_models as unknown[]) : [];
  for (const entry of list) {
    const m = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
    if (m.name === name && isDigest(m.model_id) && isDigest(m.manifest_sha384)) {
      return `${m.model_id}.${m.manifest_sha384}`;
    }
  }
  return null;
}

function isDigest(v: unknown): v is string {
  return typeof v === 'string' && /^[0-9a-f]{96}$/.test(v);
}
