import { readFile } from 'node:fs/promises';
import { root, runCommand } from './run-command.ts';

/**
 * Runs a TypeScript program to its end in a folder, with `headrace` being the source. It has to end with 0 and to print, in
 * this order, the lines that its comments `// → …` tell. Returns what is wrong.
 */
export async function runProgram(
  path: string,
  args: readonly string[],
  cwd: string,
  limitMs: number | null = 300_000,
  nodeOptions: readonly string[] = [],
  /** What Node.js runs: the program, or one that imports it. */
  program: readonly string[] = [path],
): Promise<readonly string[]> {
  const all = [...nodeOptions, '--conditions=headrace-source', ...program, ...args];
  const { code, stdout, output } = await runCommand('node', all, { cwd, limitMs });
  if (code !== 0) return [`${path} ended with ${code}\n${output.slice(-2000)}`];
  const told = toldLines(await readFile(path, 'utf8'));
  return unprinted(told, stdout.split('\n')).map((line) => `${path} does not print, where it tells to: ${line}`);
}

/** The options of Node.js that a script of package.json runs its program with, such as the bound of its heap. */
export async function nodeOptionsOf(script: string): Promise<readonly string[]> {
  const { scripts } = JSON.parse(await readFile(`${root}/package.json`, 'utf8'));
  return String(scripts[script])
    .split(' ')
    .filter((word) => word.startsWith('--') && !word.startsWith('--conditions'));
}

/** The lines that a program tells to print. */
export function toldLines(program: string): readonly string[] {
  return [...program.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1] ?? '');
}

/** The reported lines that do not follow one another in what was printed. */
export function unprinted(told: readonly string[], printed: readonly string[]): readonly string[] {
  let from = 0;
  return told.filter((line) => {
    const at = printed.indexOf(line, from);
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}
