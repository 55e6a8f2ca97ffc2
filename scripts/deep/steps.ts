import { basename } from 'node:path';
import { root, runCommand } from '../run-command.ts';
import { exampleForms, runExample } from '../run-example.ts';
import { runProgram } from '../run-program.ts';
import type { Counts, RunSuites } from '../services/run-suites.ts';
import { type LaneName, suitesOf } from './lanes.ts';
import { searchingTests } from './searches.ts';

/** A part of a lane that runs by itself and whose time is kept: a suite or a program. */
export interface Step {
  readonly name: string;
  run(): Promise<Counts>;
}

/** What a lane runs, in this order: its suites, then its programs. */
export function stepsOf(lane: LaneName, run: RunSuites): readonly Step[] {
  const suites = suitesOf(lane).map((suite) => ({
    name: basename(suite, '.test.ts'),
    run: () => run({ suites: [suite], deep: true, deadline: null }),
  }));
  return [...suites, ...programsOf(lane)];
}

function programsOf(lane: LaneName): readonly Step[] {
  if (lane === 'examples')
    return Object.keys(exampleForms)
      .filter((path) => (exampleForms[path]?.gate ?? []).length > 0)
      .map((path) => program(path, () => runExample(path, 'full', null)));
  if (lane === 'searches') return searchingTests().map((path) => program(path, () => runTest(path)));
  return lane === 'all' ? [described, streamKills, streamOrders, site] : [];
}

/** A step that gives the problems that it found. */
function program(name: string, find: () => Promise<readonly string[]>): Step {
  return {
    name,
    async run() {
      const problems = await find();
      for (const problem of problems) console.error(problem);
      return { passed: Number(problems.length === 0), failed: Number(problems.length > 0), skipped: 0 };
    },
  };
}

/** Tests the description of the server against the server. */
const described = program('described', () => runProgram(`${root}/scripts/schemathesis.ts`, [], root, null));

/** Ten minutes of kills of a stream on the embedded log. */
const streamKills = program('stream-kills', () =>
  runTest('test/inference/stream-kills.test.ts', { HEADRACE_STREAM_MINUTES: '10' }),
);

/** The whole search of the orders of the steps of a stream. */
const streamOrders = program('stream-orders', () =>
  runTest('test/inference/streaming/explore.test.ts', {
    HEADRACE_STREAM_STATES: '100000000',
    NODE_OPTIONS: '--max-old-space-size=8000',
  }),
);

/** Builds the documentation as a site, and follows each address of it. */
const site = program('site', async () => {
  const { code, output } = await runCommand('node', ['website/main.ts'], { limitMs: null });
  return code === 0 ? [] : [`the site ended with ${code}\n${output.slice(-4_000)}`];
});

/** Runs a test file in its full form, for which it has no CPU budget. */
async function runTest(file: string, env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const options = { env: { ...env, HEADRACE_DEEP: '1' }, limitMs: null };
  const { code, output } = await runCommand('vitest', ['run', file], options);
  return code === 0 ? [] : [`${file} ended with ${code}\n${output.slice(-4_000)}`];
}
