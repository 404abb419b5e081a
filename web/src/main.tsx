import { render } from 'preact';
import { Store } from './store';
import './style.css';
import { browser } from './trust/attest';
import { App } from './ui/App';
import { StoreContext } from './ui/useStore';

const store = new Store(browser);
const root = document.getElementById('app');
if (root !== null) {
  root.replaceChildren();
  render(<StoreContext.Provider value={store}><App /></StoreContext.Provider>, root);
  store.start();
}
