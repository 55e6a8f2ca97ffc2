import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

interface SiteCheck {
  readonly pages: number;
  readonly links: number;
  readonly problems: readonly string[];
}

/**
 * Reads every page of a built site. Each address is relative and leads to a file of the site, and to an element of it. No page has a
 * script or a handler in its text, and nothing is loaded from another host.
 */
export function checkSite(out: string): SiteCheck {
  const pages = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.html'));
  const texts = new Map(pages.map((path) => [path, readFileSync(join(out, path), 'utf8')]));
  const ids = new Map([...texts].map(([path, text]) => [path, idsOf(text)]));
  let links = 0;
  const problems = [...texts].flatMap(([path, text]) => {
    const addresses = [...text.matchAll(/<(\w+)[^>]*? (?:href|src)="([^"]*)"/g)];
    links += addresses.length;
    return [
      ...inlineFaults(path, text),
      ...addresses.flatMap(([, tag = '', to = '']) => addressFault({ out, path, tag, to, ids })),
    ];
  });
  return { pages: pages.length, links, problems };
}

function idsOf(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => id));
}

function inlineFaults(path: string, text: string): readonly string[] {
  const body = text.replaceAll(/<pre\b.*?<\/pre>/gs, '');
  const found = [/<script(?![^>]*\bsrc=)[^>]*>/, /<\w[^>]*\son\w+="/, /<style\b/, /<\w[^>]*\sstyle="/].flatMap(
    (pattern) => body.match(pattern) ?? [],
  );
  return found.map((what) => `${path} holds ${what}, which a strict content security policy refuses`);
}

interface Address {
  readonly out: string;
  readonly path: string;
  readonly tag: string;
  readonly to: string;
  readonly ids: ReadonlyMap<string, ReadonlySet<string>>;
}

function addressFault({ out, path, tag, to, ids }: Address): readonly string[] {
  if (/^[a-z]+:/.test(to)) return tag === 'a' ? [] : [`${path} loads ${to} from another host`];
  if (to.startsWith('/')) return [`${path} leads to ${to}, which is not relative`];
  const [file = '', anchor = ''] = to.replaceAll('&amp;', '&').split('#');
  const target = file === '' ? path : normalize(join(dirname(path), file));
  const page = target === '.' || target.endsWith('/') ? join(target, 'index.html') : target;
  // Other versions lie next to this site.
  if (page.startsWith('..')) return [];
  if (!existsSync(join(out, page))) return [`${path} leads to ${to}, which is not there`];
  const known = ids.get(page);
  const missing = anchor !== '' && known !== undefined && !known.has(decodeURIComponent(anchor));
  return missing ? [`${path} leads to ${to}, which has no such heading`] : [];
}
