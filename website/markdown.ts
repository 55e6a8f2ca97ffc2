import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** As much of a token of markdown-it as is read and changed here. */
interface Token {
  type: string;
  tag: string;
  content: string;
  info: string;
  children: Token[] | null;
  attrGet(name: string): string | null;
  attrSet(name: string, value: string): void;
}

interface State {
  readonly tokens: Token[];
  readonly env: { readonly relativePath?: string };
}

/** As much of markdown-it as is used here. */
export interface Markdown {
  readonly core: { readonly ruler: { push(name: string, rule: (state: State) => void): void } };
  readonly renderer: {
    readonly rules: Record<string, ((tokens: Token[], index: number, ...rest: never[]) => string) | undefined>;
  };
}

/**
 * Makes pages that are written for files readable as pages of the site: text that looks like HTML or like an expression of Vue stays
 * text, links between pages lead to pages, a link to a file outside the documentation is its text, and a `mermaid` block is a picture.
 */
export function readableAsPages(md: Markdown, folder: string, picture: (source: string) => string): void {
  md.core.ruler.push('pages', ({ tokens, env }) => {
    for (const token of tokens) {
      if (token.type === 'html_block') plainHtml(token);
      if (token.children === null) continue;
      for (const child of token.children) if (child.type === 'html_inline') plainHtml(child);
      token.children = linked(token.children, folder, env.relativePath ?? 'index.md');
    }
  });
  const { text, fence } = md.renderer.rules;
  md.renderer.rules['text'] = (tokens, index, ...rest) =>
    (text?.(tokens, index, ...rest) ?? '').replaceAll('{{', '&#123;&#123;');
  md.renderer.rules['fence'] = (tokens, index, ...rest) => {
    const token = tokens[index];
    return token?.info.trim() === 'mermaid' ? picture(token.content) : (fence?.(tokens, index, ...rest) ?? '');
  };
}

/** A comment stays; other HTML becomes text. */
function plainHtml(token: Token): void {
  if (/^\s*<!--/.test(token.content)) return;
  token.type = 'text';
  token.tag = '';
}

function linked(children: readonly Token[], folder: string, page: string): Token[] {
  let outside = false;
  return children.filter((token) => {
    if (token.type === 'link_close' && outside) {
      outside = false;
      return false;
    }
    if (token.type !== 'link_open') return true;
    const href = token.attrGet('href') ?? '';
    if (/^[a-z]+:|^#/.test(href)) return true;
    const target = normalize(join(dirname(page), href.replace(/#.*$/, '')));
    outside = target.startsWith('..') || !existsSync(join(folder, target)) || !target.endsWith('.md');
    if (!outside) token.attrSet('href', href.replace(/README\.md(?=#|$)/, 'index.md'));
    return !outside;
  });
}
