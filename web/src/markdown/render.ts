// Markdown to nodes: markdown-it's tokens become elements of a fixed list, text becomes text. No string of HTML is
// ever made, images are named and not fetched, and addresses other than http, https and mailto stay text.

import MarkdownIt, { type Token } from 'markdown-it';
import { type ComponentChildren, Fragment, h } from 'preact';
import { CodeBlock } from '../ui/CodeBlock';
import { Link } from '../ui/Link';

interface Open {
  token: Token | null;
  children: ComponentChildren[];
}

const TAGS = new Set(['p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'blockquote', 'table', 'thead', 'tbody',
  'tr', 'th', 'td', 'em', 'strong', 's']);

const ALIGN: Record<string, string> = {
  'text-align:left': 'left', 'text-align:center': 'center', 'text-align:right': 'right',
};

const parser = new MarkdownIt({ html: false, linkify: false, typographer: false });
parser.validateLink = () => true; // judged below, where the link is made
parser.normalizeLinkText = (s) => s;

/** null: not an address that a link may have. */
export function linkTarget(href: string | number | null): string | null {
  if (typeof href !== 'string' || !/^(https?:\/\/|mailto:)/i.test(href)) {
    return null;
  }
  try {
    const url = new URL(href);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function element(t: Token, children: ComponentChildren[]): ComponentChildren {
  if (t.hidden) {
    return h(Fragment, null, ...children);
  }
  if (t.tag === 'a') {
    const target = linkTarget(t.attrGet('href'));
    return target === null ? h(Fragment, null, ...children) : h(Link, { href: target }, ...children);
  }
  if (!TAGS.has(t.tag)) {
    return h(Fragment, null, ...children);
  }
  if (/^h[1-6]$/.test(t.tag)) { // the page has headings of its own above an answer's
    return h(`h${Math.min(6, Number(t.tag[1]) + 2)}`, null, ...children);
  }
  if (t.tag === 'ol') {
    const start = Number(t.attrGet('start') ?? 1);
    return h('ol', { start: Number.isSafeInteger(start) ? start : 1 }, ...children);
  }
  if (t.tag === 'table') {
    return h('div', { class: 'table', tabIndex: 0, role: 'region', 'aria-label': 'Table' }, h('table', null, ...children));
  }
  const align = ALIGN[String(t.attrGet('style'))];
  return h(t.tag, align === undefined ? null : { class: align }, ...children);
}

function leaf(t: Token, live: boolean): ComponentChildren {
  switch (t.type) {
    case 'inline':
      return nodes(t.children ?? [], live);
    case 'softbreak':
      return '\n';
    case 'hardbreak':
      return h('br', null);
    case 'hr':
      return h('hr', null);
    case 'code_inline':
      return h('code', null, t.content);
    case 'code_block':
    case 'fence':
      return h(CodeBlock, { code: t.content, language: t.info.trim().split(/\s+/)[0] ?? '', live });
    case 'image': {
      const target = linkTarget(t.attrGet('src'));
      const name = `Image, not loaded: ${t.content || 'no description'}`;
      return target === null ? name : h(Link, { href: target }, name);
    }
    default:
      return t.content;
  }
}

function nodes(tokens: Token[], live: boolean): ComponentChildren[] {
  const stack: Open[] = [{ token: null, children: [] }];
  for (const t of tokens) {
    if (t.nesting === 1) {
      stack.push({ token: t, children: [] });
      continue;
    }
    let made: ComponentChildren;
    if (t.nesting === -1) {
      const open = stack.length > 1 ? stack.pop() : undefined;
      if (open === undefined || open.token === null) {
        continue;
      }
      made = element(open.token, open.children);
    } else {
      made = leaf(t, live);
    }
    stack[stack.length - 1]?.children.push(made);
  }
  return stack[0]?.children ?? [];
}

/** live: more of the text is to come, so code is not coloured yet. */
export function renderMarkdown(text: string, live: boolean): ComponentChildren {
  return h(Fragment, null, ...nodes(parser.parse(text, {}), live));
}
