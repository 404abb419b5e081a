import type { ComponentChildren } from 'preact';
import { useContext } from 'preact/hooks';
import { StoreContext } from './useStore';

/** A link of an answer: the user sees the whole address before anything is asked of it. */
export function Link({ href, children }: { href: string; children?: ComponentChildren }) {
  const store = useContext(StoreContext);
  const open = (e: Event) => {
    e.preventDefault();
    store.openLink(href);
  };
  return (
    <a href={href} title={href} rel="noopener noreferrer nofollow" target="_blank" onClick={open} onAuxClick={open}>
      {children}
    </a>
  );
}
