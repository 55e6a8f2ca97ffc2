import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { root } from './run-command.ts';

const names = z.record(z.string(), z.string()).default({});
const locked = z.object({
  version: z.string().default(''),
  license: z.string().default(''),
  dependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
});
type Locked = z.infer<typeof locked>;
const lock = z.object({ packages: z.record(z.string(), locked) });

/** Licences that ask for nothing but their notice. */
const permissive = /^(MIT|MIT-0|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|Unlicense|CC0-1\.0|Python-2\.0)$/;

const head = `# Licences of dependencies

Headrace is under the Apache License 2.0. These packages come with it, or with a package that a project adds for one part. All licences
ask for their notice and for nothing else: \`npm run pages\` refuses another one. Versions are those of \`package-lock.json\`, with which
the tests run. Packages that the console is built with are in \`dist/console/licenses.md\` of the package, with their texts.

This page is written by \`npm run pages\` from package-lock.json; do not edit it by hand.
`;

/** The page docs/reference/licences.md: every package that an install of ours may bring, with its licence. */
export function licencesPage(): string {
  const { packages } = lock.parse(JSON.parse(readFileSync(`${root}/package-lock.json`, 'utf8')));
  const own = packages[''];
  if (own === undefined) throw new Error('package-lock.json has no package of ours');
  const peers = Object.keys(own.peerDependencies).map((name) => [`with \`${name}\``, [name]] as const);
  const groups: readonly (readonly [string, readonly string[]])[] = [
    ['always', Object.keys(own.dependencies)],
    ['unless optional packages are left out', Object.keys(own.optionalDependencies)],
    ...peers,
  ];
  const seen = new Set<string>();
  const rows = groups.flatMap(([comes, roots]) =>
    reached(packages, roots, seen).map((path) => rowOf(path, packages[path], comes)),
  );
  return [head, '| package | version | licence | it comes |', '|---|---|---|---|', ...rows, ''].join('\n');
}

/** Places in the lock of packages that these need, without those that were seen before. */
function reached(packages: Readonly<Record<string, Locked>>, roots: readonly string[], seen: Set<string>): string[] {
  const found: string[] = [];
  const waiting = roots.map((name) => placeOf(packages, '', name));
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const one = packages[path];
    if (path === '' || one === undefined || seen.has(path)) continue;
    seen.add(path);
    found.push(path);
    for (const name of Object.keys({ ...one.dependencies, ...one.optionalDependencies }))
      waiting.push(placeOf(packages, path, name));
  }
  return found.sort((a, b) => nameOf(a).localeCompare(nameOf(b), 'en'));
}

/** Where Node finds a package from another one: in the nearest node_modules. Empty where it was not installed. */
function placeOf(packages: Readonly<Record<string, Locked>>, from: string, name: string): string {
  for (let folder = from; ; folder = folder.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (folder === '') return '';
  }
}

function nameOf(path: string): string {
  return path.replace(/^.*node_modules\//, '');
}

function rowOf(path: string, one: Locked | undefined, comes: string): string {
  const name = nameOf(path);
  const licence = one?.license ?? '';
  if (!licence.split(/ (?:OR|AND) /).every((part) => permissive.test(part.replaceAll(/[()]/g, ''))))
    throw new Error(`${name} has the licence ${licence}: use another package, or list it in scripts/licences-page.ts`);
  return `| ${name} | ${one?.version ?? ''} | ${licence} | ${comes} |`;
}
