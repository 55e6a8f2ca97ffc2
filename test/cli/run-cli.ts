import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { childEnv } from '../child-env.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts the command line in a folder, as `npx headrace` would. */
export function startCli(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, ['--conditions=headrace-source', MAIN, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...childEnv(), ...env },
  });
}

/** Lets the files of a folder import this repository by its name, as if it was installed there. */
export function linkHeadrace(folder: string): void {
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(REPOSITORY, join(folder, 'node_modules', 'headrace'));
}

/** The folder of a project that `headrace init` makes in a folder. */
export async function initProject(folder: string, name: string): Promise<string> {
  expect(await runCli(folder, ['init', name])).toMatchObject({ code: 0, err: '' });
  const project = join(folder, name);
  linkHeadrace(project);
  return project;
}

/** Runs the command line to its end; nothing that it prints may be a stack trace. */
export async function runCli(folder: string, args: readonly string[]): Promise<Ended> {
  return ended(startCli(folder, args));
}

/** Waits for the end of a call. */
export async function ended(child: ChildProcess): Promise<Ended> {
  let [out, err] = ['', ''];
  child.stdout?.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  child.stderr?.on('data', (bytes: Buffer) => {
    err += bytes.toString();
  });
  await once(child, 'close');
  expect(out + err).not.toMatch(/^\s+at .*:\d+:\d+/m);
  return { code: child.exitCode, out, err };
}

/** The JSON of the last line. */
export function lastJson({ out }: Ended): unknown {
  return JSON.parse(out.trimEnd().split('\n').at(-1) ?? '');
}
