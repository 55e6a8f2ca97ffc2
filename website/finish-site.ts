import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BASE } from './settings.ts';

/** What each page loads before all others, and at its end. */
const FIRST_SCRIPT = 'page.js';
const LAST_SCRIPT = 'links.js';

/** The icon of the console is that of the site too. */
export const ICON = 'icon.svg';

/** Takes the small scripts and styles of a page out: `page.js` and `theme` do their work under a strict content security policy. */
export function withoutInlineParts(html: string): string {
  return html
    .replaceAll(/ style="(?:position:relative|--vp-vh:0px);"/g, '')
    .replaceAll(/<script id="[^"]*">.*?<\/script>/gs, '')
    .replace('<meta charset="utf-8">', `<meta charset="utf-8">\n    <script src="${BASE}${FIRST_SCRIPT}"></script>`)
    .replace('</body>', `<script src="${BASE}${LAST_SCRIPT}"></script>\n  </body>`);
}

/**
 * Makes a built site independent of the folder that serves it. Addresses in pages become relative. Scripts read the folder from
 * `page.js`, which knows its own address.
 */
export function finishSite(out: string, codeCss: string): void {
  writeFileSync(join(out, 'code.css'), codeCss);
  copyFileSync(fileURLToPath(new URL('../console/src/look/icon.svg', import.meta.url)), join(out, ICON));
  for (const name of [FIRST_SCRIPT, LAST_SCRIPT])
    copyFileSync(fileURLToPath(new URL(name, import.meta.url)), join(out, name));
  for (const path of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
    const change = path.endsWith('.html') ? pageChange(path) : /\.js$/.test(path) ? scriptChange : null;
    if (change === null) continue;
    const text = readFileSync(join(out, path), 'utf8');
    writeFileSync(join(out, path), change(text));
  }
}

function pageChange(path: string): (text: string) => string {
  const up = relative(dirname(path), '.');
  const prefix = up === '' ? './' : `${up}/`;
  return (text) => text.replaceAll(BASE, prefix);
}

/**
 * A literal that begins with the base becomes a sum. The search index and the data of the site are JSON in a literal, and get the base
 * when they are read.
 */
export function scriptChange(text: string): string {
  const index = /^(const \w+='\{"documentCount".*')(;export\s*\{.*)$/s.exec(text);
  if (index !== null) return `${index[1]}.replaceAll("${BASE}",window.__DOCS__)${index[2]}`;
  const data = /^window\.__VP_HASH_MAP__=/.test(text) ? ';window.__VP_SITE_DATA__.base=window.__DOCS__;' : '';
  return `${text.replaceAll(`\\"${BASE}`, '\\"/').replaceAll(new RegExp(`(["'\`])${BASE}`, 'g'), ' window.__DOCS__+$1')}${data}`;
}
