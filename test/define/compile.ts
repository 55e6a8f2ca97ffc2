import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the compiler says of a folder of files. */
export interface Compiled {
  /** The errors of each file that has any, one text each. */
  readonly errors: ReadonlyMap<string, readonly string[]>;
  /** Generic types that the checker had to work out, the library's own among them: the same on every machine. */
  readonly instantiations: number;
}

/** Compiles files, by name, as a user's project would be; `headrace` is what a declaration is written with. */
export function compile(files: Readonly<Record<string, string>>): Compiled {
  const folder = mkdtempSync(`${tmpdir()}/headrace-types-`);
  const all = { 'package.json': '{ "type": "module" }', 'tsconfig.json': JSON.stringify(configuration), ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(`${folder}/${name}`, text);
  const { stdout, stderr } = spawnSync(
    `${root}/node_modules/.bin/tsc`,
    // One checker: several work out some types more than once.
    ['-p', folder, '--pretty', 'false', '--extendedDiagnostics', '--singleThreaded'],
    { cwd: folder, encoding: 'utf8' },
  );
  rmSync(folder, { recursive: true });
  const instantiations = /^Instantiations:\s+(\d+)$/m.exec(stdout)?.[1];
  if (instantiations === undefined) throw new Error(`tsc gives no counts: ${stdout} ${stderr}`);
  return { errors: errorsByFile(stdout), instantiations: Number(instantiations) };
}

const configuration = {
  extends: `${root}/tsconfig.json`,
  compilerOptions: {
    typeRoots: [`${root}/node_modules/@types`],
    paths: { headrace: [`${root}/src/features/define/declare.ts`] },
  },
  include: ['*.ts'],
};

function errorsByFile(output: string): ReadonlyMap<string, readonly string[]> {
  const errors = new Map<string, string[]>();
  for (const text of output.split(/\n(?=\S)/)) {
    const file = /^(\S+)\(\d+,\d+\): error/.exec(text)?.[1];
    if (file !== undefined) errors.set(file, [...(errors.get(file) ?? []), text]);
  }
  return errors;
}
