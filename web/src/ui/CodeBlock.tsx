import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { CopyButton } from './CopyButton';

interface Props {
  code: string;
  language: string;
  live: boolean;
}

export function CodeBlock({ code, language, live }: Props) {
  const [coloured, setColoured] = useState<{ code: string; nodes: ComponentChildren[] } | null>(null);
  useEffect(() => {
    if (live || language === '') {
      return undefined;
    }
    let wanted = true;
    import('../markdown/highlight').then(({ highlight }) => {
      const nodes = highlight(code, language.toLowerCase());
      if (wanted && nodes !== null) {
        setColoured({ code, nodes });
      }
    }, () => undefined); // without colours it is still code
    return () => {
      wanted = false;
    };
  }, [code, language, live]);
  const name = language !== '' ? language : 'text';
  return (
    <figure class="code">
      <figcaption>
        <span>{name}</span>
        <CopyButton text={() => code} label="Copy code" />
      </figcaption>
      <pre tabIndex={0} aria-label={`Code, ${name}`} role="region">
        <code>{coloured !== null && coloured.code === code ? coloured.nodes : code}</code>
      </pre>
    </figure>
  );
}
