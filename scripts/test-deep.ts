import { cleanCommit } from './clean-commit.ts';
import { type LaneName, laneNames } from './deep/lanes.ts';
import { type Proof, readProofs, writeProofs } from './deep/proofs.ts';
import { remainingSeconds, remainingText, type Times } from './deep/remaining.ts';
import { stepsOf } from './deep/steps.ts';
import { root } from './run-command.ts';
import { type Counts, type RunSuites, withSuites } from './services/run-suites.ts';

const PROOFS = '.ci/proven.json';

/** How the steps of a lane ended, and the seconds of each. */
interface LaneRun {
  readonly counts: Counts;
  readonly seconds: Times;
}

process.exitCode = await main(process.argv.slice(2));

/**
 * `[LANE]`: runs every test of a lane, tagged `deep` or not; without a name those of every lane. Then it runs the programs of the
 * lane. It says how long the rest of a lane takes. A lane that passes on a clean worktree is noted in `.ci/proven.json`.
 */
async function main([name, ...more]: readonly string[]): Promise<number> {
  const lane = laneNames.find((known) => known === name);
  if ((name !== undefined && lane === undefined) || more.length > 0) {
    console.error(`usage: npm run test:deep [${laneNames.join('|')}]`);
    return 2;
  }
  // A run looks for what nobody wrote down: each has another seed, which a failure prints.
  const seed = process.env.HEADRACE_SEED ?? String(Math.floor(Math.random() * 2 ** 31));
  process.env.HEADRACE_SEED = seed;
  const commit = await cleanCommit([PROOFS]);
  if (commit === null) console.error('the worktree has changes: nothing of this run goes to .ci/proven.json');
  const total = { passed: 0, failed: 0, skipped: 0 };
  await withSuites(async (run) => {
    for (const one of lane === undefined ? laneNames : [lane]) {
      const started = performance.now();
      const proof = (await readProofs(root))[one];
      console.log(`lane ${one}: ${lengthOf(proof)}`);
      const done = await runLane(one, run, proof?.seconds ?? {});
      const minutes = Math.ceil((performance.now() - started) / 60_000);
      console.log(`lane ${one}: ${closingLine(done.counts)}, ${minutes} min`);
      if (done.counts.failed > 0)
        console.log(`lane ${one}: run it with HEADRACE_SEED=${seed} to see these failures again`);
      add(total, done.counts);
      if (done.counts.failed === 0 && commit !== null) await prove(one, commit, done, minutes);
    }
  });
  console.log(closingLine(total));
  return total.failed === 0 ? 0 : 1;
}

/** How long a lane took when it was last proven. */
function lengthOf(proof: Proof | undefined): string {
  return proof === undefined ? 'never proven' : `${proof.minutes} min on ${proof.date}`;
}

/** Runs the steps of a lane one after the other; before each it says how long the rest takes. */
async function runLane(lane: LaneName, run: RunSuites, proven: Times): Promise<LaneRun> {
  const steps = stepsOf(lane, run);
  const total = { passed: 0, failed: 0, skipped: 0 };
  const seconds: Record<string, number> = {};
  for (const [index, step] of steps.entries()) {
    const left = remainingSeconds(
      steps.slice(index).map(({ name }) => name),
      proven,
      seconds,
    );
    console.log(`lane ${lane}: ${step.name}, ${index + 1} of ${steps.length}, ${remainingText(left)}`);
    const started = performance.now();
    const counts = await step.run().catch((error: unknown): Counts => {
      console.error(error instanceof Error ? error.message : error);
      return { passed: 0, failed: 1, skipped: 0 };
    });
    seconds[step.name] = Math.ceil((performance.now() - started) / 1000);
    console.log(`lane ${lane}: ${step.name}: ${closingLine(counts)}, ${seconds[step.name]} s`);
    add(total, counts);
  }
  return { counts: total, seconds };
}

function add(total: { passed: number; failed: number; skipped: number }, counts: Counts): void {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}

async function prove(lane: LaneName, commit: string, { counts, seconds }: LaneRun, minutes: number): Promise<void> {
  if ((await cleanCommit([PROOFS])) !== commit) {
    console.error(`lane ${lane} is not noted in .ci/proven.json: the worktree changed while it ran`);
    return;
  }
  const { passed, skipped } = counts;
  const proof = { commit, passed, skipped, minutes, seconds, date: new Date().toISOString().slice(0, 10) };
  await writeProofs(root, { ...(await readProofs(root)), [lane]: proof });
}

function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
