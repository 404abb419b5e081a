import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Store } from '../store';

interface Props {
  onCancel: () => void;
  children: ComponentChildren;
}

/** A modal of the browser's own: it holds the focus, and Escape is its first button. */
function Modal({ onCancel, children }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current?.showModal();
    box.current?.querySelector<HTMLElement>('[data-first]')?.focus();
    return () => (before instanceof HTMLElement ? before.focus() : undefined);
  }, []);
  return (
    <dialog ref={box} role="alertdialog" aria-labelledby="dialog-title" aria-describedby="dialog-text"
            onCancel={(e) => { e.preventDefault(); onCancel(); }}>
      {children}
    </dialog>
  );
}

function meaning(outcome: { undecided: boolean; code: string }): string {
  if (outcome.undecided) {
    return 'Nobody can say what would read your messages.';
  }
  return /^(TOKEN|JWKS)_/.test(outcome.code) ? 'So there is no verdict that this page can believe.'
    : 'What answers here is not what it should be.';
}

export function FailedDialog({ store }: { store: Store }) {
  const [sure, setSure] = useState(false);
  const outcome = store.current.trust.outcome;
  if (outcome?.kind !== 'failed') {
    return null;
  }
  const abort = () => store.abort();
  return (
    <Modal onCancel={abort}>
      <h2 id="dialog-title">{outcome.undecided ? 'The service could not be checked' : 'The service failed the check'}</h2>
      <div id="dialog-text" tabIndex={0}>
        <p>{outcome.text} <code>{outcome.code}</code></p>
        {outcome.facts.length > 1 &&
          <ul>{outcome.facts.slice(0, 8).map((f) => <li><b>{f.fact}</b> {f.text} <code>{f.reason}</code></li>)}</ul>}
        <p>{meaning(outcome)}
          {store.current.messages.length === 0 ? ' Nothing has been sent.' : ' Nothing has been sent since.'}</p>
      </div>
      <label class="sure">
        <input type="checkbox" checked={sure} onChange={(e) => setSure(e.currentTarget.checked)} />
        <span>I understand that others may read what I write in this chat.</span>
      </label>
      <div class="buttons">
        <button type="button" class="plain danger" disabled={!sure} onClick={() => store.continueUnverified()}>Continue</button>
        <button type="button" class="strong" data-first onClick={abort}>Abort</button>
      </div>
    </Modal>
  );
}

export function LinkDialog({ store }: { store: Store }) {
  const close = () => store.openLink('');
  const open = () => {
    window.open(store.link, '_blank', 'noopener,noreferrer');
    close();
  };
  return (
    <Modal onCancel={close}>
      <h2 id="dialog-title">Open this address?</h2>
      <div id="dialog-text" tabIndex={0}>
        <p>The answer wrote it. Opening it tells its owner everything that the address contains.</p>
        <p class="address">{store.link}</p>
      </div>
      <div class="buttons">
        <button type="button" class="plain" onClick={open}>Open</button>
        <button type="button" class="strong" data-first onClick={close}>Stay here</button>
      </div>
    </Modal>
  );
}
