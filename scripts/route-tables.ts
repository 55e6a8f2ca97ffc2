import { readFileSync } from 'node:fs';
import type { Route } from '../src/server/route.ts';
import { allRoutes } from '../src/server/routes/all-routes.ts';
import { root } from './run-command.ts';

/** A page with a table between the marks `<!-- NAME -->` and `<!-- /NAME -->`, as the code writes it. */
export function withTable(path: string, name: string, table: string): string {
  const page = readFileSync(`${root}/${path}`, 'utf8');
  const [before, rest] = page.split(`<!-- ${name} -->\n`);
  const [, after] = rest?.split(`<!-- /${name} -->\n`) ?? [];
  if (before === undefined || after === undefined) throw new Error(`${path} has no marks "${name}"`);
  return `${before}<!-- ${name} -->\n${table}\n<!-- /${name} -->\n${after}`;
}

/** The routes of docs/reference/http.md: method, path and query, what each takes and answers. */
export function routeTable(routes: readonly Route[] = allRoutes): string {
  const rows = routes.map(
    ({ method, path, query, page }) => `| \`${method} ${path}${queryOf(query)}\` | ${page.takes} | ${page.answers} |`,
  );
  return ['| route | takes | answers |', '|---|---|---|', ...rows].join('\n');
}

/** The scopes of docs/reference/auth.md, with the routes that need each. */
export function scopeTable(routes: readonly Route[] = allRoutes): string {
  const byScope = new Map<string, string[]>();
  for (const { scopes, path } of routes) {
    const scope = scopes?.map((one) => `\`${one}\``).join(' and ') ?? 'none';
    byScope.set(scope, [...(byScope.get(scope) ?? []), `\`${path}\``]);
  }
  const rows = [...byScope].map(([scope, paths]) => `| ${scope} | ${paths.join(', ')} |`);
  return ['| scope | routes |', '|---|---|', ...rows].join('\n');
}

function queryOf(query: Route['query']): string {
  if (query === undefined) return '';
  return `?${Object.keys(query.shape)
    .map((name) => `${name}=`)
    .join('&')}`;
}
