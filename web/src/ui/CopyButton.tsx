import { useRef, useState } from 'preact/hooks';
import { CheckIcon, CopyIcon } from './icons';

export function CopyButton({ text, label, plain }: { text: () => string; label: string; plain?: boolean }) {
  const [said, setSaid] = useState('');
  const timer = useRef(0);
  const copy = async () => {
    let word = 'Copied';
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      word = 'Not allowed';
    }
    setSaid(word);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setSaid(''), 2000);
  };
  return (
    <button type="button" class="copy" aria-label={said !== '' ? `${said}: ${label}` : label} onClick={() => void copy()}>
      {said === 'Copied' ? <CheckIcon /> : <CopyIcon />}
      {plain ? null : <span aria-hidden="true">{said !== '' ? said : 'Copy'}</span>}
    </button>
  );
}
