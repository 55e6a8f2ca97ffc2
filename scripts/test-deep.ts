import { type LaneName, laneNames, suitesOf } from './deep/lanes.ts';
import { type Proof, readProofs, writeProofs } from './deep/proofs.ts';
import { searchingTests } from './deep/searches.ts';
import { root, runCommand } from './run-command.ts';
import { exampleForms, runExample } from './run-example.ts';
import { runProgram } from './run-program.ts';
import { type Counts, type RunSuites, withSuites } from './services/run-suites.ts';

process.exitCode = await main(process.argv.slice(2));

/**
 * `[LANE]`: runs every test of a lane, tagged `deep` or not; without a name those of every lane. Then it runs the programs of the
 * lane. A lane that passes on a clean worktree is noted in `.ci/proven.json`.
 */
async function main([name, ...more]: readonly string[]): Promise<number> {
  const lane = laneNames.find((known) => known === name);
  if ((name !== undefined && lane === undefined) || more.length > 0) {
    console.error(`usage: npm run test:deep [${laneNames.join('|')}]`);
    return 2;
  }
  // A run looks for what nobody wrote down: each has another seed, which a failure prints.
  process.env.HEADRACE_SEED ??= String(Math.floor(Math.random() * 2 ** 31));
  const commit = await cleanCommit();
  if (commit === null) console.error('the worktree has changes: nothing of this run goes to .ci/proven.json');
  const total = { passed: 0, failed: 0, skipped: 0 };
  await withSuites(async (run) => {
    for (const one of lane === undefined ? laneNames : [lane]) {
      const started = performance.now();
      console.log(`lane ${one}: ${lengthOf((await readProofs(root))[one])}`);
      const counts = await runLane(one, run);
      const minutes = Math.ceil((performance.now() - started) / 60_000);
      console.log(`lane ${one}: ${closingLine(counts)}, ${minutes} min`);
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.skipped += counts.skipped;
      if (counts.failed === 0 && commit !== null) await prove(one, commit, counts, minutes);
    }
  });
  console.log(closingLine(total));
  return total.failed === 0 ? 0 : 1;
}

/** How long a lane takes, as far as it is known. */
function lengthOf(proof: Proof | undefined): string {
  return proof === undefined ? 'it has no proof that says how long it takes' : `${proof.minutes} min on ${proof.date}`;
}

/** What a lane runs next to its suites; each gives the problems that it found. */
function programsOf(lane: LaneName): readonly (() => Promise<readonly string[]>)[] {
  if (lane === 'examples') return [fullExamples];
  if (lane === 'searches') return [searches];
  return lane === 'all' ? [described, streams, site] : [];
}

async function runLane(lane: LaneName, run: RunSuites): Promise<Counts> {
  const suites = suitesOf(lane);
  const none = { passed: 0, failed: 0, skipped: 0 };
  const counts =
    suites.length === 0
      ? none
      : await run({ suites, deep: true, deadline: null }).catch((error: unknown): Counts => {
          console.error(error instanceof Error ? error.message : error);
          return { ...none, failed: 1 };
        });
  const total = { ...counts };
  for (const program of programsOf(lane)) {
    console.log(`lane ${lane}: ${program.name}`);
    const problems = await program();
    for (const problem of problems) console.error(problem);
    if (problems.length === 0) total.passed += 1;
    else total.failed += 1;
  }
  return total;
}

/** Runs every example whose full form is not the gate's. */
async function fullExamples(): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const [path, { gate }] of Object.entries(exampleForms))
    if (gate.length > 0) problems.push(...(await runExample(path, 'full', null)));
  return problems;
}

/** Tests the description of the server against the server. */
function described(): Promise<readonly string[]> {
  return runProgram(`${root}/scripts/schemathesis.ts`, [], root, null);
}

/** Ten minutes of kills of a stream on the embedded log, and the whole search of the orders of its steps. */
async function streams(): Promise<readonly string[]> {
  return runTests(['test/inference/stream-kills.test.ts', 'test/inference/streaming/explore.test.ts'], {
    HEADRACE_STREAM_MINUTES: '10',
    HEADRACE_STREAM_STATES: '100000000',
    NODE_OPTIONS: '--max-old-space-size=8000',
  });
}

/** The full searches of the tests that the gate runs with few cases. */
function searches(): Promise<readonly string[]> {
  return runTests(searchingTests(), {});
}

/** Runs test files in their full form, for which they have no CPU budget. */
async function runTests(files: readonly string[], env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const options = { env: { ...env, HEADRACE_DEEP: '1' }, limitMs: null };
  const { code, output } = await runCommand('vitest', ['run', ...files], options);
  return code === 0 ? [] : [`${files.join(', ')} ended with ${code}\n${output.slice(-4_000)}`];
}

/** Builds the documentation as a site, and follows each address of it. */
async function site(): Promise<readonly string[]> {
  const { code, output } = await runCommand('node', ['website/main.ts'], { limitMs: null });
  return code === 0 ? [] : [`the site ended with ${code}\n${output.slice(-4_000)}`];
}

/** The commit that is checked out; null where tracked files differ from it, but for the proofs. */
async function cleanCommit(): Promise<string | null> {
  const changed = await runCommand('git', ['status', '--porcelain', '--', '.', ':!.ci/proven.json']);
  const head = await runCommand('git', ['rev-parse', 'HEAD']);
  return changed.code === 0 && changed.stdout === '' && head.code === 0 ? head.stdout.trim() : null;
}

async function prove(lane: LaneName, commit: string, { passed, skipped }: Counts, minutes: number): Promise<void> {
  if ((await cleanCommit()) !== commit) {
    console.error(`lane ${lane} is not noted in .ci/proven.json: the worktree changed while it ran`);
    return;
  }
  const proof = { commit, passed, skipped, minutes, date: new Date().toISOString().slice(0, 10) };
  await writeProofs(root, { ...(await readProofs(root)), [lane]: proof });
}

function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
