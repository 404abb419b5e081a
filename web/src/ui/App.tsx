import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import type { Store } from '../store';
import { Composer } from './Composer';
import { FailedDialog, LinkDialog } from './Dialogs';
import { CloseIcon, MenuIcon, PlusIcon, WarnIcon } from './icons';
import { Messages } from './Messages';
import { useStore } from './useStore';

function Sidebar({ store, close }: { store: Store; close: () => void }) {
  const used = store.chats.filter((c) => c.messages.length > 0 || c === store.current);
  return (
    <nav class="sidebar" id="sidebar" aria-label="Chats">
      <div class="brand"><b>Sotto</b>
        <button type="button" class="bare narrow" aria-label="Close the list of chats" onClick={close}><CloseIcon /></button>
      </div>
      <button type="button" class="new" onClick={() => { store.newChat(); close(); }}><PlusIcon /><span>New Chat</span></button>
      <ul>
        {used.map((c) => (
          <li key={c.id}>
            <button type="button" aria-current={c === store.current ? 'true' : undefined}
                    onClick={() => { store.openChat(c.id); close(); }}>{c.title || 'New chat'}</button>
          </li>
        ))}
      </ul>
      <p class="memory">Chats live in this tab only: closing or reloading it forgets them. This page stores nothing.</p>
      <p class="memory"><a href="/licenses.txt" target="_blank" rel="noopener">Licences</a></p>
    </nav>
  );
}

function Picker({ store }: { store: Store }) {
  if (store.models.length === 0) {
    return <span class="picker">{store.modelState === 'loading' ? 'Looking for models' : 'No model'}</span>;
  }
  return (
    <select class="picker" aria-label="Model" value={store.current.model} disabled={store.current.answering !== null}
            onChange={(e) => store.setModel(e.currentTarget.value)}>
      {store.models.map((m) => <option key={m} value={m}>{m}</option>)}
    </select>
  );
}

export function App() {
  const store = useStore();
  const [menu, setMenu] = useState(false);
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.key !== 'Escape' || e.defaultPrevented || store.asking || store.link !== '') {
        return; // a dialog takes its own
      }
      if (menu) {
        setMenu(false);
      } else {
        store.stop();
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [store, menu]);
  useLayoutEffect(() => { // the list lies above the page: the keyboard goes there, and comes back
    const list = document.getElementById('sidebar');
    if (menu) {
      list?.querySelector<HTMLElement>('.narrow')?.focus();
    } else if (list?.contains(document.activeElement)) {
      document.querySelector<HTMLElement>('header .narrow')?.focus();
    }
  }, [menu]);
  return (
    <div class={menu ? 'app menu' : 'app'}>
      <Sidebar store={store} close={() => setMenu(false)} />
      <div class="shade" onClick={() => setMenu(false)} />
      <main>
        <header>
          <button type="button" class="bare narrow" aria-label="Chats" aria-expanded={menu} aria-controls="sidebar"
                  onClick={() => setMenu(true)}><MenuIcon /></button>
          <h1 class="unseen">Sotto chat</h1>
          <Picker store={store} />
          <button type="button" class="bare narrow" aria-label="New Chat" onClick={() => store.newChat()}><PlusIcon /></button>
        </header>
        {store.current.trust.continued && (
          <p class="banner" role="alert"><WarnIcon /><span>This chat is <b>not verified</b>. You chose to continue; others may read it.</span></p>
        )}
        <Messages key={store.current.id} store={store} chat={store.current} />
        <Composer store={store} />
      </main>
      {store.asking && <FailedDialog store={store} />}
      {store.link !== '' && <LinkDialog store={store} />}
    </div>
  );
}
