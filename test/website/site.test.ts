import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import vm from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { indexFaults } from '../../scripts/check/page-index.ts';
import { shapeFaults } from '../../scripts/check/shape.ts';
import { checkSite } from '../../website/check-site.ts';
import { scriptChange, withoutInlineParts } from '../../website/finish-site.ts';
import { BASE } from '../../website/settings.ts';
import { sidebarOf } from '../../website/sidebar.ts';

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-site-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const sound = '<h1 id="top">A</h1><a href="./b/c.html#part">c</a><a href="https://example.com">away</a>';

test.each([
  ['nothing', '', []],
  ['a page that is not there', '<a href="./none.html">', ['which is not there']],
  ['a heading that is not there', '<a href="./b/c.html#none">', ['which has no such heading']],
  ['an address from the root', '<a href="/b/c.html">', ['which is not relative']],
  ['a script of another host', '<script src="https://example.com/x.js"></script>', ['from another host']],
  ['a script in the page', '<script>go()</script>', ['strict content security policy']],
  ['a style in the page', '<p style="color:red">', ['strict content security policy']],
  ['a handler in the page', '<p onclick="go()">', ['strict content security policy']],
])('the check of a built site finds %s', (_, added, faults) => {
  const out = folderOf({ 'index.html': sound + added, 'b/c.html': '<h2 id="part">C</h2><a href="../index.html#top">' });
  const { problems } = checkSite(out);
  expect(problems).toHaveLength(faults.length);
  faults.forEach((fault, index) => {
    expect(problems[index]).toContain(fault);
  });
});

test('a script asks the page for the folder of the site, wherever it names the base', () => {
  const script = `const a="${BASE}x.js";function f(e){return"${BASE}"+e}const b='{"documentCount":1}';globalThis.result=[a,f("y")]`;
  const index = `const e='{"documentCount":1,"ids":["${BASE}p.html"]}';export{e as default};`;
  const data = `window.__VP_HASH_MAP__={};window.__VP_SITE_DATA__=JSON.parse("{\\"base\\":\\"${BASE}\\"}");`;
  const window = { __DOCS__: '/deep/docs/', __VP_SITE_DATA__: { base: '' } };
  const context = vm.createContext({ window, result: [], index: '' });
  vm.runInContext(scriptChange(script), context);
  vm.runInContext(scriptChange(data), context);
  vm.runInContext(`${scriptChange(index).replace(/export.*/s, '')};index=e`, context);
  expect(context['result']).toEqual(['/deep/docs/x.js', '/deep/docs/y']);
  expect(JSON.parse(context['index']).ids).toEqual(['/deep/docs/p.html']);
  expect(window.__VP_SITE_DATA__.base).toBe('/deep/docs/');
});

test('a page keeps no script and no style in its text', () => {
  const html =
    '<head><meta charset="utf-8"><script id="x">go()</script></head><body><div style="position:relative;"></div></body>';
  expect(withoutInlineParts(html)).not.toMatch(/go\(\)|style=/);
});

test('the sidebar has the order of the index, and the pages of a folder below its index', () => {
  const folder = folderOf({
    'README.md':
      '# All\n\n## One\n\n- [B](b.md): text\n- [Look up](x/README.md): text\n\n## Two\n\n| a |\n|---|\n| [A](a.md) |\n',
    'a.md': '',
    'b.md': '',
    'x/README.md': '# X\n\n1. [Z](z.md)\n2. [Away](../a.md)\n',
    'x/z.md': '',
  });
  expect(sidebarOf(folder)).toMatchObject([
    { text: 'One', items: [{ link: '/b.html' }, { link: '/x/index.html' }, { link: '/x/z.html' }] },
    { text: 'Two', items: [{ text: 'A', link: '/a.html' }] },
  ]);
  expect(indexFaults(folder)).toEqual([]);
});

test('the index names every page once', () => {
  const folder = folderOf({
    'README.md': '# All\n\n## One\n\n- [A](a.md)\n\n## Two\n\n- [A](a.md)\n',
    'a.md': '',
    'b.md': '',
  });
  expect(indexFaults(folder)).toEqual([
    'docs/a.md is 2 times in docs/README.md and the indexes that it names',
    'docs/b.md is not in docs/README.md and the indexes that it names',
  ]);
});

test.each([
  ['a table', '# A\n\n| a |\n|---|\n', 0],
  ['a picture after its question', '# A\n\n*Why?*\n\n```mermaid\nflowchart LR\n```\n', 0],
  ['a generated table', '# A\n\n<!-- alert -->\n| a |\n', 0],
  ['a paragraph', '# A\n\nText first.\n\n| a |\n', 1],
  ['1,201 words and a table', `# A\n\n| a |\n\n${'word '.repeat(1196)}`, 1],
  ['1,201 words of code and a table', `# A\n\n| a |\n\n\`\`\`text\n${'word '.repeat(1201)}\n\`\`\`\n`, 0],
])('a page with %s has the right number of faults', (_, page, faults) => {
  expect(shapeFaults(page)).toHaveLength(faults);
});
