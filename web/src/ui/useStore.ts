import { createContext } from 'preact';
import { useContext, useEffect, useReducer } from 'preact/hooks';
import type { Store } from '../store';

export const StoreContext = createContext<Store>(null as unknown as Store);

/** The store; the view is drawn again whenever it changed. */
export function useStore(): Store {
  const store = useContext(StoreContext);
  const [, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => store.subscribe(() => draw(undefined)), [store]);
  return store;
}
