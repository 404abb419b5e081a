import { useEffect, useRef, useState } from 'preact/hooks';
import type { Store } from '../store';
import { listFields } from '../trust/fields';
import type { Trust } from '../trust/state';
import { CopyButton } from './CopyButton';
import { CheckingShape, NoneShape, RefusedShape, SimulatedShape, UndecidedShape, VerifiedShape } from './icons';

type Look = 'none' | 'checking' | 'verified' | 'simulated' | 'refused' | 'undecided';

const SHAPES = {
  none: NoneShape, checking: CheckingShape, verified: VerifiedShape, simulated: SimulatedShape,
  refused: RefusedShape, undecided: UndecidedShape,
};

// The page cannot see the key of its own connection, so even its best word is only what it says.
const WORDS: Record<Look, string> = {
  none: 'not verified',
  checking: 'verifying',
  verified: 'this page says: verified',
  simulated: 'this page says: simulated',
  refused: 'failed',
  undecided: 'failed: could not be checked',
};

export function lookOf(t: Trust): Look {
  if (t.outcome?.kind === 'failed') {
    return t.outcome.undecided ? 'undecided' : 'refused';
  }
  return t.status === 'failed' ? 'undecided' : t.status;
}

const SENTENCES: Record<Look, string> = {
  none: 'The service has not been checked, or the last verdict has expired. It is checked before the next message leaves.',
  checking: 'The service is asked for fresh evidence, and the attestation service judges it. Nothing is sent until then.',
  verified: 'The attestation service verified the evidence, and this page checked its signature, its nonce and its keys. ' +
    'A page cannot see the key of its own connection: the command line can.',
  simulated: 'This evidence comes from a simulator. No hardware protects this chat: whoever runs the machine can read it.',
  refused: '',
  undecided: '',
};

function Panel({ trust, look }: { trust: Trust; look: Look }) {
  const outcome = trust.outcome;
  if (outcome === null) {
    return <><h2>No attestation message.</h2><p>{SENTENCES[look]}</p></>;
  }
  if (outcome.kind === 'failed') {
    return (
      <>
        <h2>{outcome.undecided ? 'The service could not be checked.' : 'The check failed.'}</h2>
        <p>{outcome.text} <code>{outcome.code}</code></p>
        {outcome.facts.length > 0 &&
          <ul>{outcome.facts.map((f) => <li><b>{f.fact}</b> {f.text} <code>{f.reason}</code></li>)}</ul>}
      </>
    );
  }
  const fields = listFields(outcome.claims);
  const lines = () => fields.map(([name, value]) => `${name}:${value}\n`).join('');
  return (
    <>
      <div class="panel-head">
        <h2>{look === 'simulated' ? 'Simulated TDX attestation information' : 'Intel TDX attestation information'}</h2>
        <CopyButton text={lines} label="Copy attestation information" />
      </div>
      <p>{SENTENCES[look]}</p>
      <dl>
        {fields.map(([name, value]) => <div><dt>{name}</dt><dd>{value}</dd></div>)}
      </dl>
    </>
  );
}

/** The icon with its words; hover, focus or a click shows what is behind it. */
export function TrustBadge({ store }: { store: Store }) {
  const trust = store.current.trust;
  const look = lookOf(trust);
  const [hover, setHover] = useState(false);
  const [focus, setFocus] = useState(false);
  const [dismissed, setDismissed] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const timer = useRef(0);
  const open = (hover || focus) && !dismissed;
  const Shape = SHAPES[look];

  useEffect(() => () => window.clearTimeout(timer.current), []);
  const point = (inside: boolean) => {
    window.clearTimeout(timer.current);
    if (inside) {
      setDismissed(false);
      setHover(true);
    } else {
      timer.current = window.setTimeout(() => setHover(false), 180);
    }
  };
  const onKey = (e: KeyboardEvent) => {
    if (e.key === 'Escape' && open) {
      e.stopPropagation();
      setDismissed(true);
      box.current?.querySelector('button')?.focus();
    }
  };
  return (
    <div class="trust" ref={box} data-state={trust.status} data-look={look} onKeyDown={onKey}
         onPointerEnter={() => point(true)} onPointerLeave={() => point(false)}
         onFocusIn={() => { setFocus(true); }}
         onFocusOut={(e) => {
           if (!box.current?.contains(e.relatedTarget as Node | null)) {
             setFocus(false);
             setDismissed(false);
           }
         }}>
      <button type="button" id="attestation-info-button" class="badge" aria-expanded={open}
              aria-controls="attestation-info" aria-label={`${WORDS[look]}. Attestation Info`}
              onClick={() => { setFocus(true); setDismissed(open && focus && !hover); }}>
        <Shape />
        <span>{WORDS[look]}</span>
      </button>
      <span class="unseen" role="status">{WORDS[look]}</span>
      <div class="panel" id="attestation-info" role="group" aria-label="Attestation information" hidden={!open}>
        <Panel trust={trust} look={look} />
        {(trust.status === 'failed' || trust.status === 'none') &&
          <button type="button" class="plain" onClick={() => store.check(store.current)}>Check again</button>}
      </div>
    </div>
  );
}
