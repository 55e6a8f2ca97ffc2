import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { services } from './services.ts';

const known = new Set(services.flatMap(({ sets }) => sets));

/**
 * The variables of services that suites name as texts, in their own files or in those that they import from their folder. The
 * list of all names, in addresses.ts, is left out.
 */
export function variablesOf(suites: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const named = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path) || !existsSync(path) || path.endsWith('/addresses.ts')) return;
    seen.add(path);
    const text = readFileSync(path, 'utf8');
    for (const [, name = ''] of text.matchAll(/'([A-Z0-9_]+)'/g)) if (known.has(name)) named.add(name);
    for (const [, to = ''] of text.matchAll(/^(?:import|export) (?!type\b)[^;]*? from '(\.\/[^']+)'/gm))
      visit(join(dirname(path), to));
  };
  for (const suite of suites) visit(resolve(suite));
  return named;
}
