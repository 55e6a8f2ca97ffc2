import { existsSync, globSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { anchorOf, readPages } from '../markdown.ts';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';

interface Link {
  /** The file that holds it, from the root. */
  readonly from: string;
  readonly to: string;
  /** The folder it counts from. */
  readonly base: string;
}

/**
 * Every link of a page leads to a file and, with `#`, to a heading; every docs page that the code names is there; so is every
 * file and folder that a README of src names in backquotes.
 */
export const links: Check = {
  name: 'links',
  async run() {
    const all = [...(await linksOfPages()), ...(await pagesNamedInCode())];
    const broken = (await Promise.all(all.map(fault))).filter((text) => text !== '');
    const named = await filesNamedInMaps();
    return {
      seen: `${all.length} links, ${named.length} names in maps`,
      problems: [...broken, ...named.flatMap(nameFault)],
    };
  },
};

async function linksOfPages(): Promise<readonly Link[]> {
  const pages = await readPages();
  const texts = await Promise.all(pages.map(({ path }) => readFile(`${root}/${path}`, 'utf8')));
  return pages.flatMap(({ path }, index) =>
    [...(texts[index] ?? '').replaceAll(/^```.*?^```$/gms, '').matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => ({ from: path, to: match[1] ?? '', base: dirname(`${root}/${path}`) }))
      .filter(({ to }) => !/^[a-z]+:/.test(to)),
  );
}

async function pagesNamedInCode(): Promise<readonly Link[]> {
  const paths = (await readdir(`${root}/src`, { recursive: true })).filter((path) => path.endsWith('.ts'));
  const found = await Promise.all(
    paths.map(async (path) => {
      const text = await readFile(`${root}/src/${path}`, 'utf8');
      return [...text.matchAll(/docs\/[\w/.-]+\.md/g)].map(([to]) => ({ from: `src/${path}`, to, base: root }));
    }),
  );
  return found.flat();
}

/** What the READMEs of src name as a file or folder: counted from their own folder, from src or from the root. */
async function filesNamedInMaps(): Promise<readonly Link[]> {
  const maps = (await readPages()).filter(({ path }) => /^src\/.*README\.md$/.test(path));
  const found = await Promise.all(
    maps.map(async ({ path }) => {
      const text = (await readFile(`${root}/${path}`, 'utf8')).replaceAll(/^```.*?^```$/gms, '');
      return [...text.matchAll(/`([\w./-]+(?:\.ts|\/))`/g)].map((match) => ({
        from: path,
        to: match[1] ?? '',
        base: dirname(`${root}/${path}`),
      }));
    }),
  );
  return found.flat();
}

function nameFault({ from, to, base }: Link): readonly string[] {
  const there =
    [base, `${root}/src`, root].some((folder) => existsSync(resolve(folder, to))) ||
    // A name alone may lie deeper in the folder that its row is about.
    globSync(`**/${to}`, { cwd: base }).length > 0;
  return there ? [] : [`${from} names ${to}, which is not there`];
}

async function fault({ from, to, base }: Link): Promise<string> {
  const [file = '', anchor] = to.split('#');
  const target = file === '' ? `${root}/${from}` : resolve(base, file);
  if (!existsSync(target)) return `${from} leads to ${to}, which is not there`;
  if (anchor === undefined || !target.endsWith('.md')) return '';
  const headings = [...(await readFile(target, 'utf8')).matchAll(/^#+ (.+)$/gm)].map((match) =>
    anchorOf(match[1] ?? ''),
  );
  return headings.includes(anchor) ? '' : `${from} leads to ${to}, which has no such heading`;
}
