// Line icons on a grid of 20. All are decoration: a word stands beside each or in its button's name.

import type { ComponentChildren } from 'preact';

function Icon({ children, name }: { children: ComponentChildren; name: string }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false"
         fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round">
      {children}
    </svg>
  );
}

export const PlusIcon = () => <Icon name="plus"><path d="M10 4.5v11M4.5 10h11" /></Icon>;
export const MenuIcon = () => <Icon name="menu"><path d="M3.5 6h13M3.5 10h13M3.5 14h13" /></Icon>;
export const CloseIcon = () => <Icon name="close"><path d="M5 5l10 10M15 5L5 15" /></Icon>;
export const SendIcon = () => <Icon name="send"><path d="M10 16V4.5M5 9l5-4.8L15 9" /></Icon>;
export const StopIcon = () => <Icon name="stop"><rect x="5.5" y="5.5" width="9" height="9" rx="1.5" fill="currentColor" stroke="none" /></Icon>;
export const CopyIcon = () => <Icon name="copy"><rect x="7" y="7" width="9" height="9" rx="2" /><path d="M13 4.9A2 2 0 0 0 11.5 4H6a2 2 0 0 0-2 2v5.5c0 .7.4 1.3 1 1.7" /></Icon>;
export const CheckIcon = () => <Icon name="check"><path d="M4.5 10.5l3.7 3.7 7.3-8" /></Icon>;
export const AgainIcon = () => <Icon name="again"><path d="M15.5 10a5.5 5.5 0 1 1-1.6-3.9L15.5 7.7M15.5 4v3.7h-3.7" /></Icon>;
export const WarnIcon = () => <Icon name="warn"><path d="M10 3.5l7.2 12.8H2.8z" /><path d="M10 8v3.8M10 14.2v.1" /></Icon>;

// The six shapes of the verdict. The lock is for hardware that was verified and for nothing else.
export const NoneShape = () => <Icon name="none"><circle cx="10" cy="10" r="7" stroke-dasharray="2.6 2.9" /></Icon>;
export const CheckingShape = () => <Icon name="checking"><circle cx="10" cy="10" r="7" opacity=".25" /><path d="M10 3a7 7 0 0 1 7 7" /></Icon>;
export const VerifiedShape = () => <Icon name="verified"><rect x="4.5" y="9" width="11" height="7.5" rx="2" /><path d="M7 9V6.5a3 3 0 0 1 6 0V9" /><path d="M10 12v1.5" /></Icon>;
export const SimulatedShape = () => <Icon name="simulated"><path d="M8 3.5v4.3L4 14.3a1.5 1.5 0 0 0 1.3 2.2h9.4a1.5 1.5 0 0 0 1.3-2.2L12 7.8V3.5M6.8 3.5h6.4M6 12.5h8" /></Icon>;
export const RefusedShape = () => <Icon name="refused"><path d="M7 2.8h6L17.2 7v6L13 17.2H7L2.8 13V7z" /><path d="M7.5 7.5l5 5M12.5 7.5l-5 5" /></Icon>;
export const UndecidedShape = () => <Icon name="undecided"><path d="M10 2.3l7.7 7.7-7.7 7.7L2.3 10z" /><path d="M8.4 8.3a1.7 1.7 0 1 1 2.4 1.6c-.5.2-.8.6-.8 1.1M10 13.3v.1" /></Icon>;
