// The service's API, as any Ollama client uses it.

import { plain, readLines, readObject } from './net';

export interface Turn {
  role: 'user' | 'assistant';
  content: string;
}

export interface Stats {
  promptTokens: number;
  tokens: number;
  seconds: number; // of generating
  total: number; // seconds, with everything
  reason: string; // "stop", "length"
  truncated: boolean; // the context did not hold it all
}

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

const LIST_MAX = 4 << 20;

async function refusal(reply: Response): Promise<ApiError> {
  const body = await readObject(reply, 65536).catch(() => null);
  const said = typeof body?.error === 'string' ? body.error : '';
  return new ApiError(reply.status, said !== '' ? said : `the service answered with status ${reply.status}`);
}

export async function listModels(): Promise<string[]> {
  const reply = await fetch('/api/tags', plain);
  if (!reply.ok) {
    throw await refusal(reply);
  }
  const body = await readObject(reply, LIST_MAX);
  const models = Array.isArray(body?.models) ? (body.models as unknown[]) : [];
  return models.map((m) => (m as { name?: unknown } | null)?.name).filter((n) => typeof n === 'string');
}

const number = (v: unknown): number => (typeof v === 'number' && Number.isFinite(v) ? v : 0);

function statsOf(line: Record<string, unknown>): Stats {
  return {
    promptTokens: number(line.prompt_eval_count),
    tokens: number(line.eval_count),
    seconds: number(line.eval_duration) / 1e9,
    total: number(line.total_duration) / 1e9,
    reason: typeof line.done_reason === 'string' ? line.done_reason : '',
    truncated: line.truncated === true,
  };
}

/** Streams one answer. Aborting the signal closes the connection, which is how the service learns to stop.
 * demand: the model that was verified; the service refuses (409) if it has another by now. null: none was. */
export async function chat(model: string, demand: string | null, messages: Turn[], signal: AbortSignal,
                           onText: (text: string) => void, onThought: (text: string) => void): Promise<Stats> {
  const reply = await fetch('/api/chat', {
    ...plain, method: 'POST', signal,
    headers: { 'Content-Type': 'application/json', ...(demand !== null ? { 'Sotto-Model-Id': demand } : {}) },
    body: JSON.stringify({ model, messages, stream: true }),
  });
  if (!reply.ok || reply.body === null) {
    throw await refusal(reply);
  }
  for await (const line of readLines(reply.body)) {
    if (typeof line.error === 'string') {
      throw new ApiError(reply.status, line.error);
    }
    const said = line.message as { content?: unknown; thinking?: unknown } | null | undefined;
    if (typeof said?.thinking === 'string' && said.thinking !== '') {
      onThought(said.thinking);
    }
    if (typeof said?.content === 'string' && said.content !== '') {
      onText(said.content);
    }
    if (line.done === true) {
      return statsOf(line);
    }
  }
  throw new ApiError(reply.status, 'the answer broke off');
}
