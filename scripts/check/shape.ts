import { readFile } from 'node:fs/promises';
import { readPages } from '../markdown.ts';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';
import { indexFaults } from './page-index.ts';

const MOST_WORDS = 1200;

/** Pages that are read from top to bottom; those of reference and internals are looked up. */
const READ = /^docs\/(?:start\.md$|(?:guide|problems|runbook|cookbook)\/)/;

/**
 * A page that is read has at most 1,200 words outside of its code, and opens with a table or a picture. docs/README.md and the indexes that
 * it names have every page once: the sidebar of the site comes from them.
 */
export const shape: Check = {
  name: 'shape',
  async run() {
    const paths = (await readPages()).map(({ path }) => path).filter((path) => READ.test(path));
    const faults = await Promise.all(
      paths.map(async (path) =>
        shapeFaults(await readFile(`${root}/${path}`, 'utf8')).map((text) => `${path} ${text}`),
      ),
    );
    // The index of a folder is a list.
    const problems = faults.flat().filter((text) => !/README\.md opens/.test(text));
    return { seen: `${paths.length} pages`, problems: [...problems, ...indexFaults(`${root}/docs`)] };
  },
};

/** Faults of one page, as the ends of sentences about it. */
export function shapeFaults(page: string): readonly string[] {
  const words = page.replaceAll(/^```.*?^```$/gms, '').match(/\S+/g)?.length ?? 0;
  // A question in italics and marks of generated tables may come first.
  const [, opening = ''] = /^# .*\n+(?:\*[^\n]*\*\n+|<!-- [\w-]+ -->\n+)*([^\n]*)/.exec(page) ?? [];
  return [
    ...(words > MOST_WORDS ? [`has ${words} words, and may have ${MOST_WORDS}: move a part to its own page`] : []),
    ...(/^(?:```mermaid|\||!\[)/.test(opening) ? [] : ['opens without a table or a picture']),
  ];
}
