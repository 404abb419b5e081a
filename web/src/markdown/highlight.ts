// Colours for code: highlight.js's tree of scopes becomes spans, its HTML is never used.

import { type ComponentChildren, h } from 'preact';
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import go from 'highlight.js/lib/languages/go';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';

const languages = { bash, c, css, diff, go, java, javascript, json, python, rust, sql, typescript, xml, yaml };
for (const [name, language] of Object.entries(languages)) {
  hljs.registerLanguage(name, language);
}
hljs.registerAliases(['cpp', 'c++', 'h'], { languageName: 'c' });
hljs.registerAliases(['sh', 'shell', 'console'], { languageName: 'bash' });

const CODE_MAX = 20_000; // characters; longer code stays plain

interface Scope {
  scope?: string;
  children: (Scope | string)[];
}

function spans(children: (Scope | string)[]): ComponentChildren[] {
  return children.map((child) => {
    if (typeof child === 'string') {
      return child;
    }
    const scope = (child.scope ?? '').split('.')[0] ?? '';
    return h('span', /^[a-z_-]+$/.test(scope) ? { class: `hl-${scope}` } : null, ...spans(child.children));
  });
}

/** null: an unknown language, or too much of it. */
export function highlight(code: string, language: string): ComponentChildren[] | null {
  if (code.length > CODE_MAX || hljs.getLanguage(language) === undefined) {
    return null;
  }
  const result = hljs.highlight(code, { language, ignoreIllegals: true });
  const root = (result._emitter as unknown as { rootNode?: Scope }).rootNode;
  return root === undefined ? null : spans(root.children);
}
