import { readdirSync } from 'node:fs';
import { type SidebarItem, sidebarOf } from '../../website/sidebar.ts';

/** Pages of a folder that its index does not name, or names more than once. */
export function indexFaults(folder: string): readonly string[] {
  const counts = new Map<string, number>();
  for (const link of sidebarOf(folder).flatMap(linksOf)) counts.set(link, (counts.get(link) ?? 0) + 1);
  const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.md'));
  return pages.flatMap((path) => {
    const link = `/${path.replace(/README\.md$/, 'index.md').replace(/\.md$/, '.html')}`;
    const count = counts.get(link) ?? 0;
    if (count === 1 || path === 'README.md') return [];
    return [
      `docs/${path} is ${count === 0 ? 'not in' : `${count} times in`} docs/README.md and the indexes that it names`,
    ];
  });
}

function linksOf({ link, items = [] }: SidebarItem): readonly string[] {
  return [...(link === undefined ? [] : [link]), ...items.flatMap(linksOf)];
}
