import { isValidElement, type ComponentChildren, Fragment, type VNode } from 'preact';
import { describe, expect, it } from 'vitest';
import { highlight } from '../../src/markdown/highlight';
import { linkTarget, renderMarkdown } from '../../src/markdown/render';
import { HOSTILE } from './hostile';

/** The nodes as text in brackets: [tag attributes: children]. A component is its name. */
function print(node: ComponentChildren): string {
  if (Array.isArray(node)) {
    return node.map(print).join('');
  }
  if (!isValidElement(node)) {
    return node === null || node === undefined || typeof node === 'boolean' ? '' : String(node);
  }
  const { type, props } = node as VNode<Record<string, unknown>>;
  const { children, ...rest } = props;
  const inside = print(children as ComponentChildren);
  if (type === Fragment) {
    return inside;
  }
  const name = typeof type === 'string' ? type : type.name;
  const attributes = Object.entries(rest).map(([k, v]) => ` ${k}=${String(v)}`).join('');
  return `[${name}${attributes}${inside !== '' ? `: ${inside}` : ''}]`;
}

function walk(node: ComponentChildren, see: (type: unknown, props: Record<string, unknown>) => void): void {
  if (Array.isArray(node)) {
    node.forEach((n) => walk(n, see));
  } else if (isValidElement(node)) {
    const v = node as VNode<Record<string, unknown>>;
    see(v.type, v.props);
    walk(v.props.children as ComponentChildren, see);
  }
}

const md = (text: string): string => print(renderMarkdown(text, false));

describe('Markdown', () => {
  it.each([
    ['plain & <b>text</b>', '[p: plain & <b>text</b>]'],
    ['# One', '[h3: One]'],
    ['###### Six', '[h6: Six]'],
    ['*a* **b** ~~c~~ `d<e`', '[p: [em: a] [strong: b] [s: c] [code: d<e]]'],
    ['- a\n- b', '[ul: [li: a][li: b]]'],
    ['3. a\n\n   b', '[ol start=3: [li: [p: a][p: b]]]'],
    ['> q', '[blockquote: [p: q]]'],
    ['a  \nb\nc', '[p: a[br]b\nc]'],
    ['---', '[hr]'],
    ['|a|b|\n|:-:|--:|\n|1|2|', '[div class=table tabIndex=0 role=region aria-label=Table: [table: [thead: [tr: [th class=center: a][th class=right: b]]][tbody: [tr: [td class=center: 1][td class=right: 2]]]]]'],
    ['```js x\nf()\n```', '[CodeBlock code=f()\n language=js live=false]'],
    ['    indented', '[CodeBlock code=indented\n language= live=false]'],
    ['[t](https://a.example/x "y")', '[p: [Link href=https://a.example/x: t]]'],
    ['<https://a.example>', '[p: [Link href=https://a.example/: https://a.example]]'],
    ['[t](javascript:alert)', '[p: t]'],
    ['![alt](https://a.example/i.png)', '[p: [Link href=https://a.example/i.png: Image, not loaded: alt]]'],
    ['![](data:image/png;base64,AA)', '[p: Image, not loaded: no description]'],
    ['&lt;script&gt; &amp;', '[p: <script> &]'],
  ])('%j', (text, want) => {
    expect(md(text)).toBe(want);
  });

  it('of a stream that ends anywhere still renders', () => {
    const text = '# A\n\n- *b* `c`\n\n```py\nx = 1\n```\n\n|a|\n|-|\n|b|\n\n[l](https://a.example)';
    for (let n = 0; n <= text.length; n++) {
      expect(() => md(text.slice(0, n))).not.toThrow();
    }
  });

  it('makes elements of its list alone, whatever the answer says', () => {
    const tags = new Set<unknown>();
    for (const text of HOSTILE) {
      walk(renderMarkdown(text, false), (type, props) => {
        tags.add(typeof type === 'function' ? (type as { name: string }).name : type);
        for (const [name, value] of Object.entries(props)) {
          expect(['children', 'href', 'code', 'language', 'live', 'class', 'start', 'tabIndex', 'role', 'aria-label', 'key']).toContain(name);
          if (name === 'href') {
            expect(value).toMatch(/^(https?:|mailto:)/);
          }
          if (name === 'class') {
            expect(['table', 'left', 'center', 'right']).toContain(value);
          }
        }
      });
    }
    for (const tag of ['script', 'img', 'iframe', 'style', 'svg', 'object', 'form', 'input', 'a', 'link', 'base', 'meta']) {
      expect(tags.has(tag)).toBe(false);
    }
  });

  it('survives deep nesting in little time', () => {
    const begun = performance.now();
    md('> '.repeat(5000) + 'a');
    md('*a **b '.repeat(2000));
    md('['.repeat(5000) + ']('.repeat(5000));
    md('| a '.repeat(2000) + '|\n' + '|-'.repeat(2000) + '|\n');
    expect(performance.now() - begun).toBeLessThan(3000);
  });
});

describe('links', () => {
  it('go to the web or to a mailbox, or are text', () => {
    expect(linkTarget('HTTPS://A.example/%20?q=1#x')).toBe('https://a.example/%20?q=1#x');
    expect(linkTarget('mailto:a@b.example')).toBe('mailto:a@b.example');
    for (const bad of ['javascript:alert(1)', 'JaVaScRiPt:1', ' javascript:1', 'java\nscript:1', 'data:text/html,x', 'vbscript:x',
      'file:///etc/passwd', '//a.example', '/path', '#x', 'blob:https://a.example/1', 'https://', 'http:a', '']) {
      expect(linkTarget(bad), bad).toBeNull();
    }
    expect(linkTarget(null)).toBeNull();
  });
});

describe('colours', () => {
  it('are spans around the same text', () => {
    const code = 'def f(x):\n    return "<b>" + x  # c';
    const printed = print(highlight(code, 'python'));
    expect(printed).toContain('[span class=hl-keyword: def]');
    expect(printed).toContain('"<b>"');
    expect(printed.replace(/\[span class=hl-[a-z_-]+: |\]/g, '')).toBe(code);
  });

  it('are not for unknown languages or endless code', () => {
    expect(highlight('x', 'nosuch')).toBeNull();
    expect(highlight('x'.repeat(20_001), 'c')).toBeNull();
  });
});
