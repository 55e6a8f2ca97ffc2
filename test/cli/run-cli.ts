import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { printable } from '../../src/base/printable.ts';
import type { Terminal } from '../../src/cli/command.ts';
import { runCall } from '../../src/cli/run-call.ts';
import { childEnv } from '../child-env.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

const STACK_LINE = /^\s+at .*:\d+:\d+/m;

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

/** Runs the command line as a process to its end; nothing that it prints may be a stack trace. */
export async function spawnCli(folder: string, args: readonly string[]): Promise<Ended> {
  return ended(startCli(folder, args));
}

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs the command line to its end in this process, one call at a time: a process would load it for a second of a processor.
 * It knows one state of a configuration. What is about the process, or changes its configuration, takes `spawnCli`.
 */
export function runCli(folder: string, args: readonly string[]): Promise<Ended> {
  const next = last.then(() => callHere(folder, args));
  last = next.catch(() => undefined);
  return next;
}

async function callHere(folder: string, args: readonly string[]): Promise<Ended> {
  checkUnchanged(folder);
  const [before, quiet] = [process.cwd(), process.env['HEADRACE_QUIET']];
  let [out, err] = ['', ''];
  const terminal: Terminal = {
    out: (text) => {
      out += `${printable(text)}\n`;
    },
    err: (text) => {
      err += `${printable(text)}\n`;
    },
    interactive: false,
    stopped: new Promise(() => undefined),
  };
  process.chdir(folder);
  process.env['HEADRACE_QUIET'] = '1';
  try {
    const code = await runCall(args, {
      output: terminal,
      terminalOf: () => terminal,
      showError(text) {
        err += text((_, words) => words);
      },
    });
    expect(out + err).not.toMatch(STACK_LINE);
    return { code, out, err };
  } finally {
    process.chdir(before);
    if (quiet === undefined) delete process.env['HEADRACE_QUIET'];
    else process.env['HEADRACE_QUIET'] = quiet;
  }
}

const programs = new Map<string, string>();

/** Node imports a module once: a call here would not see that its file has changed. */
function checkUnchanged(folder: string): void {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.ts'))) {
    const path = join(folder, name);
    const text = readFileSync(path, 'utf8');
    if ((programs.get(path) ?? text) !== text) throw new Error(`${path} has changed: take spawnCli`);
    programs.set(path, text);
  }
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
  expect(out + err).not.toMatch(STACK_LINE);
  return { code: child.exitCode, out, err };
}

/** The JSON of the last line. */
export function lastJson({ out }: Ended): unknown {
  return JSON.parse(out.trimEnd().split('\n').at(-1) ?? '');
}
