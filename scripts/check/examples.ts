import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { root } from '../run-command.ts';
import { runProgram } from '../run-program.ts';
import type { Check } from './check.ts';

/** Ends what hangs, on a machine of any speed. */
const LIMIT_MS = 1_200_000;

/** The short way to run each example. */
const ways: Readonly<Record<string, readonly string[]>> = {
  'examples/first.ts': [],
  'examples/pipeline.ts': [],
  'examples/notebook/main.ts': [],
  'examples/flights/main.ts': ['--limit', '30000', '--json'],
  'examples/inference/main.ts': ['--flights', '700', '--kills', '2', '--json'],
  'examples/personalisation/main.ts': ['--seconds', '1', '--keys', '300', '--json'],
};

/** Every example runs to its end, in a folder of its own, and prints what its comments tell. */
export const examples: Check = {
  name: 'examples',
  async run() {
    const found = await programs();
    const problems = [
      ...found
        .filter((path) => ways[path] === undefined)
        .map((path) => `${path} has no way to run in scripts/check/examples.ts`),
      ...Object.keys(ways)
        .filter((path) => !found.includes(path))
        .map((path) => `${path} is not there`),
    ];
    for (const path of found) problems.push(...(await ran(path, ways[path] ?? [])));
    return { seen: `${found.length} programs`, problems };
  },
};

/** Each file in examples/, and the main.ts of each folder in it. */
async function programs(): Promise<readonly string[]> {
  const paths = await readdir(`${root}/examples`, { recursive: true });
  return paths.filter((path) => /^[^/]+\.ts$|^[^/]+\/main\.ts$/.test(path)).map((path) => `examples/${path}`);
}

async function ran(path: string, args: readonly string[]): Promise<readonly string[]> {
  const cwd = await mkdtemp(`${tmpdir()}/headrace-example-`);
  const problems = await runProgram(`${root}/${path}`, args, cwd, LIMIT_MS);
  await rm(cwd, { recursive: true, force: true });
  return problems;
}
