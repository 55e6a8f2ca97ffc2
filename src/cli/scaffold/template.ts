import { projectPackages } from '../../process/project-package.ts';

type Texts = Readonly<Record<string, string>>;

/** The members that a project adds to its package.json, next to this package. */
export interface TemplatePackages {
  readonly scripts: Texts;
  readonly dependencies: Texts;
  readonly devDependencies: Texts;
}

/** A new project of one kind. */
export interface Template {
  readonly name: string;
  /** One line for a choice. */
  readonly title: string;
  readonly packages: TemplatePackages;
  /** Commands that come next in the folder, after the install. */
  readonly next: readonly string[];
  /** Its files by path, but for package.json. */
  readonly files: (now: number) => Texts;
  /** Its files for npm alone. */
  readonly npmSettings?: Texts;
}

/** The packages of a project with a declaration in TypeScript. */
export function declaredPackages({ models }: { readonly models: boolean }): TemplatePackages {
  return {
    scripts: { plan: 'headrace plan', dev: 'headrace dev', serve: 'headrace serve', types: 'tsc' },
    dependencies: { ...projectPackages(), ...(models ? { 'onnxruntime-node': '1.30.0' } : {}) },
    devDependencies: { '@types/node': '^24', typescript: '^7' },
  };
}

/** The packages of a project that only calls the command line: none but this one. */
export function commandPackages(scripts: Texts): TemplatePackages {
  return { scripts, dependencies: {}, devDependencies: {} };
}

/** The begin of a test in JavaScript that calls the command line of the project. */
export const CALL_HEADRACE = `import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';

const folder = import.meta.dirname;

/** The last line of a call with --json, as an object. */
function headrace(...args) {
  const command = join(folder, 'node_modules', '.bin', 'headrace');
  const { status, stdout, stderr } = spawnSync(command, [...args, '--json'], { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout.trimEnd().split('\\n').at(-1));
}
`;
