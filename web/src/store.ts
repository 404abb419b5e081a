// Everything that the page knows, in memory: chats, models, what is open. One instance; views subscribe.

import { ApiError, chat as ask, listModels, type Stats } from './api';
import { attest, type World } from './trust/attest';
import { demandOf } from './trust/models';
import { gate, next, type Trust, type TrustEvent, unchecked } from './trust/state';

export interface Message {
  id: number;
  role: 'user' | 'assistant';
  text: string;
  thoughts: string; // what the model thought before it, which is no part of the chat
  state: 'done' | 'streaming' | 'stopped' | 'failed';
  error: string;
  stats: Stats | null;
  version: number; // grows with every change, so that a view knows whether to draw again
}

export interface Chat {
  id: number;
  title: string;
  model: string;
  chosen: boolean; // the user picked the model; otherwise it is one that was verified
  messages: Message[];
  trust: Trust;
  draft: string;
  kept: string; // what was being written while an older question is asked again
  pending: boolean; // the draft leaves as soon as the verdict allows it
  answering: AbortController | null;
  checking: AbortController | null;
}

export class Store {
  models: string[] = [];
  modelState: 'loading' | 'ready' | 'failed' = 'loading';
  chats: Chat[] = [];
  current: Chat;
  asking = false; // the dialog of a failed check is open
  link = ''; // the address that the user is asked about
  private listeners = new Set<() => void>();
  private frame = 0;
  private ids = 0;
  private timer = 0;

  constructor(private readonly world: World) {
    this.current = this.makeChat();
  }

  subscribe(f: () => void): () => void {
    this.listeners.add(f);
    return () => this.listeners.delete(f);
  }

  /** Drawn once per frame, however many words came. */
  changed(): void {
    if (this.frame === 0) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.listeners.forEach((f) => f());
      });
    }
  }

  start(): void {
    this.check(this.current);
    void this.loadModels();
  }

  async loadModels(): Promise<void> {
    try {
      this.models = await listModels();
      this.modelState = 'ready';
      for (const c of this.chats) {
        c.model ||= this.models[0] ?? '';
      }
      this.decided(this.current);
    } catch {
      this.modelState = 'failed';
      this.current.pending = false;
    }
    this.changed();
  }

  private makeChat(): Chat {
    const model = this.chats.length > 0 ? this.current.model : (this.models[0] ?? '');
    const made: Chat = {
      id: ++this.ids, title: '', model, chosen: false, messages: [], trust: unchecked, draft: '', kept: '', pending: false,
      answering: null, checking: null,
    };
    this.chats.unshift(made);
    return made;
  }

  /** A New Chat is a new check; an unused one is taken again, with a new check all the same. */
  newChat(): void {
    const unused = this.chats.find((c) => c.messages.length === 0 && !c.trust.continued);
    if (unused !== undefined && unused !== this.current) {
      unused.draft = '';
    }
    this.leave();
    this.current = unused ?? this.makeChat();
    this.check(this.current);
  }

  openChat(id: number): void {
    const found = this.chats.find((c) => c.id === id);
    if (found !== undefined && found !== this.current) {
      this.leave();
      this.current = found;
      this.check(found);
    }
  }

  /** What waited for a verdict in the chat that is left does not leave behind the user's back. */
  private leave(): void {
    this.current.pending = false;
    this.asking = false;
  }

  setModel(model: string): void {
    this.current.model = model;
    this.current.chosen = true;
    this.check(this.current);
  }

  setDraft(text: string): void {
    this.current.draft = text;
    this.changed();
  }

  // ---- trust ----

  private turn(c: Chat, e: TrustEvent): void {
    c.trust = next(c.trust, e);
    this.changed();
  }

  check(c: Chat): void {
    if (this.modelState === 'failed') {
      this.modelState = 'loading';
      void this.loadModels();
    }
    c.checking?.abort();
    const cancel = new AbortController();
    c.checking = cancel;
    if (c === this.current) {
      this.asking = false;
    }
    this.turn(c, { type: 'begin' });
    const run = c.trust.run;
    void attest(this.world, cancel.signal).then((outcome) => {
      if (c.trust.run === run) {
        c.checking = null;
        this.turn(c, { type: 'end', run, outcome });
        this.decided(c);
      }
    });
  }

  /** A verdict speaks of models by name: one that it does not name is not verified, whatever else is. */
  private matchModel(c: Chat): void {
    const o = c.trust.outcome;
    if (o === null || o.kind === 'failed' || c.model === '' || demandOf(o.claims, c.model) !== null) {
      return;
    }
    const other = c.chosen || c.messages.length > 0 ? undefined : this.models.find((m) => demandOf(o.claims, m) !== null);
    if (other !== undefined) {
      c.model = other;
      return;
    }
    this.turn(c, { type: 'refute', outcome: {
      kind: 'failed', undecided: false, code: 'MODEL_NOT_VERIFIED', facts: [],
      text: `The evidence is good, but it does not speak of the model ${c.model}.`,
    } });
  }

  private decided(c: Chat): void {
    if (c !== this.current || c.checking !== null) {
      return;
    }
    this.matchModel(c);
    if (c.trust.status === 'failed' && !c.trust.continued) {
      this.asking = true;
      this.changed();
      return;
    }
    this.armExpiry(c);
    if (c.pending) {
      this.submit();
    }
  }

  private armExpiry(c: Chat): void {
    const outcome = c.trust.outcome;
    window.clearTimeout(this.timer);
    if (outcome !== null && outcome.kind !== 'failed') {
      const wait = Math.max(0, outcome.expires - this.world.now()) + 50;
      this.timer = window.setTimeout(() => this.turn(c, { type: 'expire', now: this.world.now() }), wait);
    }
  }

  abort(): void {
    this.asking = false;
    this.current.pending = false;
    this.changed();
  }

  continueUnverified(): void {
    this.asking = false;
    this.turn(this.current, { type: 'continue' });
    if (this.current.pending) {
      this.submit();
    }
  }

  // ---- questions and answers ----

  /** Sends the draft if the verdict allows it; otherwise it waits, or the user is asked. */
  submit(): void {
    const c = this.current;
    if (c.draft.trim() === '' || c.answering !== null || (c.model === '' && this.modelState !== 'loading')) {
      return;
    }
    c.pending = true;
    if (c.model === '') { // loadModels() goes on with it
      this.changed();
      return;
    }
    switch (gate(c.trust, this.world.now())) {
      case 'send':
        c.pending = false;
        void this.deliver(c);
        break;
      case 'check':
        this.check(c);
        break;
      case 'ask':
        this.asking = true;
        break;
      case 'wait':
        break;
    }
    this.changed();
  }

  private add(c: Chat, role: Message['role'], text: string, state: Message['state']): Message {
    const made: Message = { id: ++this.ids, role, text, thoughts: '', state, error: '', stats: null, version: 0 };
    c.messages.push(made);
    return made;
  }

  private async deliver(c: Chat): Promise<void> {
    const prompt = c.draft;
    c.draft = c.kept;
    c.kept = '';
    c.title ||= prompt.trim().replace(/\s+/g, ' ').slice(0, 60);
    this.add(c, 'user', prompt, 'done');
    const turns = c.messages.filter((m) => m.text !== '').map((m) => ({ role: m.role, content: m.text }));
    const answer = this.add(c, 'assistant', '', 'streaming');
    const o = c.trust.outcome;
    const demand = o !== null && o.kind !== 'failed' ? demandOf(o.claims, c.model) : null;
    const stop = new AbortController();
    const touch = () => {
      answer.version++;
      this.changed();
    };
    c.answering = stop;
    try {
      answer.stats = await ask(c.model, demand, turns, stop.signal, (text) => {
        answer.text += text;
        touch();
      }, (text) => {
        answer.thoughts += text;
        touch();
      });
      answer.state = 'done';
    } catch (e) {
      answer.state = stop.signal.aborted ? 'stopped' : 'failed';
      if (!stop.signal.aborted) {
        answer.error = e instanceof ApiError ? e.message : 'the service does not answer';
        if (e instanceof ApiError && e.status === 409) {
          this.check(c); // the model is not the one that was verified
        }
      }
    }
    c.answering = null;
    touch();
  }

  /** Asks the last question once more; its answer so far is dropped. */
  again(): void {
    const c = this.current;
    const question = c.messages[c.messages.length - 2];
    if (question === undefined || c.answering !== null || c.pending) {
      return;
    }
    c.messages.splice(-2);
    c.kept = c.draft;
    c.draft = question.text;
    this.submit();
  }

  /** Ends the answer; a message that waits for a verdict stays a draft. */
  stop(): void {
    this.current.answering?.abort();
    this.current.pending = false;
    this.changed();
  }

  openLink(url: string): void {
    this.link = url;
    this.changed();
  }
}
