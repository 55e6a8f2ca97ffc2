import { readdir } from 'node:fs/promises';
import { buildConsole } from '../build-console.ts';
import { root } from '../run-command.ts';
import { exampleForms, runExample } from '../run-example.ts';
import type { Check } from './check.ts';

/** Ends what hangs, on a machine of any speed. */
const LIMIT_MS = 1_200_000;

/** Every example runs to its end, in its own folder, and prints what its comments tell. */
export const examples: Check = {
  name: 'examples',
  async run() {
    const found = await programs();
    const problems = [
      ...found
        .filter((path) => exampleForms[path] === undefined)
        .map((path) => `${path} has no form in scripts/run-example.ts`),
      ...Object.keys(exampleForms)
        .filter((path) => !found.includes(path))
        .map((path) => `${path} is not there`),
    ];
    // Their pages are built once, and two cores have two programs.
    const { code, output } = await buildConsole();
    if (code !== 0) return { seen: 'no program', problems: [output] };
    const waiting = [...found];
    const runWaiting = async () => {
      for (let path = waiting.shift(); path !== undefined; path = waiting.shift())
        problems.push(...(await runExample(path, 'gate', LIMIT_MS)));
    };
    await Promise.all([runWaiting(), runWaiting()]);
    return { seen: `${found.length} programs`, problems };
  },
};

/** Each file in examples/, and the main.ts of each folder in it. */
async function programs(): Promise<readonly string[]> {
  const paths = await readdir(`${root}/examples`, { recursive: true });
  return paths.filter((path) => /^[^/]+\.ts$|^[^/]+\/main\.ts$/.test(path)).map((path) => `examples/${path}`);
}
