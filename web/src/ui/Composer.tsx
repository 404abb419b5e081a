import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Store } from '../store';
import { SendIcon, StopIcon } from './icons';
import { TrustBadge } from './TrustBadge';

function hint(store: Store): string {
  const c = store.current;
  if (c.trust.status === 'failed' && !c.trust.continued) {
    return 'Nothing is sent: the service is not verified.';
  }
  if (c.pending) {
    return 'Your message waits: it leaves as soon as the service has passed the check.';
  }
  if (store.modelState === 'failed') {
    return 'The service does not say which models it has.';
  }
  return store.modelState === 'ready' && store.models.length === 0 ? 'The service has no model.' : '';
}

export function Composer({ store }: { store: Store }) {
  const c = store.current;
  const input = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => { // as high as the text, up to the limit of the style sheet
    const t = input.current;
    if (t !== null) {
      t.style.height = 'auto';
      t.style.height = `${t.scrollHeight}px`;
    }
  }, [c.draft, c.id]);
  useEffect(() => input.current?.focus(), [c.id]);
  const onKey = (e: KeyboardEvent) => {
    if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) {
      e.preventDefault();
      store.submit();
    }
  };
  return (
    <form class="composer" onSubmit={(e) => { e.preventDefault(); store.submit(); }}>
      <p class="hint" role="status">{hint(store)}</p>
      <div class="box">
        <textarea id="prompt" ref={input} rows={1} value={c.draft} readOnly={c.pending} aria-label="Message"
                  placeholder="Ask something" autocomplete="off" spellcheck={false}
                  onInput={(e) => store.setDraft(e.currentTarget.value)} onKeyDown={onKey} />
        <div class="row">
          <TrustBadge store={store} />
          {c.answering !== null || c.pending
            ? <button type="button" class="round" aria-label="Stop" title="Stop (Escape)" onClick={() => store.stop()}><StopIcon /></button>
            : <button type="submit" class="round" aria-label="Send" title="Send (Enter)"
                      disabled={c.draft.trim() === '' || (c.model === '' && store.modelState !== 'loading')}><SendIcon /></button>}
        </div>
      </div>
    </form>
  );
}
