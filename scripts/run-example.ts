import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { buildConsole } from './build-console.ts';
import { root } from './run-command.ts';
import { nodeOptionsOf, runProgram } from './run-program.ts';

interface ExampleForm {
  /** Arguments of the form that the gate runs; without any it is the full form. */
  readonly gate: readonly string[];
  /** Arguments of the full form; left out: none. */
  readonly full?: readonly string[];
  /** The script of package.json whose options of Node.js a user runs it with. */
  readonly script?: string;
}

/** Every example. `npm run test:deep` runs its full form. */
export const exampleForms: Readonly<Record<string, ExampleForm>> = {
  'examples/first.ts': { gate: [] },
  'examples/pipeline.ts': { gate: [] },
  'examples/gpu.ts': { gate: [] },
  'examples/training-cost/main.ts': { gate: [] },
  'examples/notebook/main.ts': { gate: [] },
  // The gate runs what users run, and ends.
  'examples/flights/main.ts': { gate: ['--exit'], full: ['--full', '--exit', '--json'], script: 'start' },
  'examples/inference/main.ts': { gate: ['--flights', '1000', '--kills', '2', '--json'] },
  'examples/personalisation/main.ts': { gate: ['--seconds', '1', '--users', '300', '--json'] },
};

/** Runs an example in its own folder, with the options of Node.js that its users have. Returns what is wrong. */
export async function runExample(
  path: string,
  form: 'gate' | 'full',
  limitMs: number | null,
): Promise<readonly string[]> {
  const { gate, full = [], script } = exampleForms[path] ?? { gate: [] };
  const options = script === undefined ? [] : await nodeOptionsOf(script);
  // Examples that serve the console or write a page of it are run by scripts that build it first.
  const { code, output } = await buildConsole();
  if (code !== 0) return [output];
  const cwd = await mkdtemp(`${tmpdir()}/headrace-example-`);
  try {
    const file = `${root}/${path}`;
    // Others are run as users do: by a script that takes the folder of a main.ts too.
    const program = script === undefined ? [`${root}/scripts/example.ts`, file.replace(/\/main\.ts$/, '')] : [file];
    return await runProgram(file, form === 'gate' ? gate : full, cwd, limitMs, options, program);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
