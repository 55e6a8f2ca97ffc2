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

/**
 * The sidebar: the sections of README.md, in their order. An entry that leads to the README.md of a folder holds the pages
 * that this one lists, in its order.
 */
export function sidebarOf(folder: string): readonly SidebarItem[] {
  return indexSections(folder)
    .filter(({ title }) => title !== '')
    .map(({ title, entries }) => ({
      text: title,
      collapsed: true,
      items: entries.flatMap((entry) => itemsOf(folder, entry)),
    }));
}

function itemsOf(folder: string, { title, path }: IndexEntry): readonly SidebarItem[] {
  const item: SidebarItem = { text: title, link: addressOf(path) };
  if (!path.endsWith('/README.md')) return [item];
  const own = indexSections(folder, path).flatMap(({ entries }) => entries);
  const pages = own.filter((entry) => dirname(entry.path) === dirname(path) && entry.path !== path);
  return [item, ...pages.map((entry) => ({ text: entry.title, link: addressOf(entry.path) }))];
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
