import { Component, type ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Stats } from '../api';
import type { Chat, Message, Store } from '../store';
import { CopyButton } from './CopyButton';
import { AgainIcon } from './icons';

type Render = (text: string, live: boolean) => ComponentChildren;

let render: Render | null = null;
const loaded = import('../markdown/render').then((m) => {
  render = m.renderMarkdown;
});

function statsLine(s: Stats): string {
  const words: string[] = [];
  if (s.tokens > 0 && s.seconds > 0) {
    words.push(`${(s.tokens / s.seconds).toFixed(1)} tokens/s`);
  }
  words.push(`${s.tokens} tokens`, `prompt ${s.promptTokens}`, `${s.total.toFixed(1)} s`);
  if (s.reason === 'length') {
    words.push('cut at the length limit');
  }
  if (s.truncated) {
    words.push('a part of the chat was left out');
  }
  return words.join(' · ');
}

interface Props {
  message: Message;
  version: number;
  rich: boolean; // the Markdown renderer has come
  again: (() => void) | null; // of the last answer: asks once more
}

/** Drawn again only when its own message changed: long chats stay quick. */
class MessageView extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    return next.message !== this.props.message || next.version !== this.props.version ||
      next.rich !== this.props.rich || (next.again === null) !== (this.props.again === null);
  }

  override render({ message: m, again }: Props) {
    const live = m.state === 'streaming';
    if (m.role === 'user') {
      return <article class="message user"><h2 class="unseen">You</h2><div class="text">{m.text}</div></article>;
    }
    return (
      <article class="message assistant" data-state={m.state} aria-busy={live}>
        <h2 class="unseen">Answer</h2>
        {m.thoughts !== '' && <details class="thoughts"><summary>Thoughts</summary><div class="text">{m.thoughts}</div></details>}
        <div class="text markdown">
          {m.text !== '' && (render !== null ? render(m.text, live) : m.text)}
          {live && m.text === '' && <p class="thinking"><i /><i /><i /><span class="unseen">Waiting for the answer</span></p>}
        </div>
        {m.state === 'failed' && <p class="error" role="alert">{m.error}</p>}
        {!live && (
          <footer>
            {m.text !== '' && <CopyButton text={() => m.text} label="Copy answer" plain />}
            {again !== null &&
              <button type="button" class="copy" aria-label="Ask again" title="Ask again" onClick={again}><AgainIcon /></button>}
            {m.stats !== null && <span class="stats">{statsLine(m.stats)}</span>}
            {m.state === 'stopped' && <span>stopped</span>}
          </footer>
        )}
      </article>
    );
  }
}

/** What a screen reader hears of a stream: whole sentences, at most every second and a half. */
function Spoken({ message }: { message: Message | undefined }) {
  const [said, setSaid] = useState('');
  const at = useRef({ id: 0, length: 0 });
  const latest = useRef(message);
  latest.current = message;
  useEffect(() => {
    const timer = window.setInterval(() => {
      const m = latest.current;
      if (m === undefined || m.role !== 'assistant') {
        return;
      }
      if (at.current.id !== m.id) {
        at.current = { id: m.id, length: 0 };
      }
      const fresh = m.text.slice(at.current.length);
      const end = m.state === 'streaming' ? Math.max(...['. ', '! ', '? ', '\n'].map((s) => fresh.lastIndexOf(s))) + 1
                                          : fresh.length;
      if (end > 0) {
        at.current.length += end;
        setSaid(fresh.slice(0, end));
      }
    }, 1500);
    return () => window.clearInterval(timer);
  }, []);
  return <div class="unseen" role="status" aria-live="polite" aria-atomic="true">{said}</div>;
}

const IDEAS = ['Explain what a trusted execution environment is.', 'Write a haiku about a locked drawer.',
  'What is remote attestation, in three sentences?', 'Sort a list of words in C, with a short comment.'];

function Welcome({ store }: { store: Store }) {
  return (
    <div class="welcome">
      <p class="motto" lang="it">sotto voce</p>
      <h2>What would you like to ask?</h2>
      <p>Before your first word leaves, this page asks the service for fresh evidence of what it runs on and what it runs,
         and has it judged.</p>
      <ul>
        {IDEAS.map((idea) => (
          <li><button type="button" onClick={() => { store.setDraft(idea); document.getElementById('prompt')?.focus(); }}>{idea}</button></li>
        ))}
      </ul>
    </div>
  );
}

export function Messages({ store, chat }: { store: Store; chat: Chat }) {
  const [rich, setRich] = useState(render !== null);
  const box = useRef<HTMLDivElement>(null);
  const stick = useRef(true);
  useEffect(() => void loaded.then(() => setRich(true), () => undefined), []);
  useLayoutEffect(() => {
    const b = box.current;
    if (b !== null && stick.current && chat.messages.length > 0) {
      b.scrollTop = b.scrollHeight;
    }
  });
  useEffect(() => { stick.current = true; }, [chat.id, chat.messages.length]);
  const last = chat.messages[chat.messages.length - 1];
  const again = chat.answering === null && !chat.pending ? () => store.again() : null;
  return (
    <div class="messages" ref={box} tabIndex={0} role="region" aria-label="Conversation"
         onScroll={(e) => {
           const b = e.currentTarget;
           stick.current = b.scrollHeight - b.scrollTop - b.clientHeight < 60;
         }}>
      <div class="column">
        {chat.messages.length === 0 && <Welcome store={store} />}
        {chat.messages.map((m) => (
          <MessageView key={m.id} message={m} version={m.version} rich={rich} again={m === last ? again : null} />
        ))}
      </div>
      <Spoken message={last} />
    </div>
  );
}
