import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** An entry of the sidebar, in the form of VitePress. */
export interface SidebarItem {
  readonly text: string;
  readonly link?: string;
  readonly collapsed?: boolean;
  readonly items?: readonly SidebarItem[];
}

interface IndexEntry {
  readonly title: string;
  /** Path of the page from the folder of the documentation. */
  readonly path: string;
}

/** A heading of the index, and the pages below it. */
interface IndexSection {
  readonly title: string;
  readonly entries: readonly IndexEntry[];
}

/** The sections of an index page: each `##` heading with the page links of its list or table. */
function indexSections(folder: string, path = 'README.md'): readonly IndexSection[] {
  const text = readFileSync(join(folder, path), 'utf8').replaceAll(/^```.*?^```$/gms, '');
  return text.split(/^## /m).flatMap((part, index) => {
    const end = part.indexOf('\n');
    const title = index === 0 ? '' : part.slice(0, end).trim();
    const entries = linksOf(index === 0 ? part : part.slice(end), dirname(path));
    return entries.length === 0 ? [] : [{ title, entries }];
  });
}

/** The sidebar with every page: the sections of README.md, in their order. */
export function sidebarOf(folder: string): readonly SidebarItem[] {
  return sidebarWith(folder, () => true);
}

/**
 * The sidebars of the site by the folder of a page. An entry that leads to the README.md of a folder holds the pages that this one lists,
 * but only where a page of that folder is shown: with all of them, links would be most of each page.
 */
export function sidebarsOf(folder: string): Readonly<Record<string, readonly SidebarItem[]>> {
  const folders = indexSections(folder)
    .flatMap(({ entries }) => entries)
    .filter(({ path }) => isFolder(path))
    .map(({ path }) => dirname(path));
  const shown = folders.map((name) => [`/${name}/`, sidebarWith(folder, (path) => dirname(path) === name)] as const);
  return { ...Object.fromEntries(shown), '/': sidebarWith(folder, () => false) };
}

function sidebarWith(folder: string, isShown: (path: string) => boolean): readonly SidebarItem[] {
  return indexSections(folder)
    .filter(({ title }) => title !== '')
    .map(({ title, entries }) => ({
      text: title,
      collapsed: true,
      items: entries.flatMap((entry) => [itemOf(entry), ...(isShown(entry.path) ? pagesBelow(folder, entry) : [])]),
    }));
}

function pagesBelow(folder: string, { path }: IndexEntry): readonly SidebarItem[] {
  if (!isFolder(path)) return [];
  const own = indexSections(folder, path).flatMap(({ entries }) => entries);
  return own.filter((entry) => dirname(entry.path) === dirname(path) && entry.path !== path).map(itemOf);
}

function itemOf({ title, path }: IndexEntry): SidebarItem {
  return { text: title, link: addressOf(path) };
}

function isFolder(path: string): boolean {
  return path.endsWith('/README.md');
}

/** Links at the head of a list entry or in the first cell of a row, each page once. */
function linksOf(text: string, base: string): readonly IndexEntry[] {
  const found = new Map<string, IndexEntry>();
  for (const [, title = '', to = ''] of text.matchAll(/^(?:- |\d+\. |\| )\[([^\]]+)\]\(([^)#\s]+\.md)\)/gm)) {
    const path = join(base, to);
    if (!found.has(path)) found.set(path, { title: title.replaceAll('`', ''), path });
  }
  return [...found.values()];
}

function addressOf(path: string): string {
  return `/${path.replace(/README\.md$/, 'index.md').replace(/\.md$/, '.html')}`;
}

/** Whether a folder has an index that a sidebar can be made from. */
export function hasIndex(folder: string): boolean {
  return existsSync(join(folder, 'README.md')) && indexSections(folder).some(({ title }) => title !== '');
}
