import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { randomBelow, seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { type Cause, causes } from '../../src/gpu/finding.ts';
import { parseText } from '../../src/gpu/readers/parse-text.ts';
import type { Source } from '../../src/gpu/source.ts';
import { type Capture, captureJson } from '../../src/labs/captures/capture.ts';
import { trainingRun } from '../../src/labs/captures/training-run.ts';
import { insertGap, removeGaps } from '../../test/gpu/captures/alter.ts';
import { gangWaitPods } from '../../test/gpu/captures/cluster.ts';
import { scanTrace } from '../../test/gpu/captures/scan-trace.ts';
import { alterations, alteredRecording, hasRecorded, type Recorded, readRecorded } from './recorded-captures.ts';

/** Kinds of made-up captures, and the cause that a diagnosis must name first; null for healthy ones. */
export const cases = {
  healthy: null,
  'data pipeline': 'data-pipeline',
  'launch overhead': 'launch-overhead',
  'hidden sync': 'hidden-sync',
  'transfer-bound': 'hidden-sync',
  'exposed communication': 'multi-gpu',
  straggler: 'multi-gpu',
  precision: 'kernel-efficiency',
  'memory bandwidth': 'kernel-efficiency',
  'gang wait': 'scheduling',
} as const satisfies Readonly<Record<string, Cause | null>>;
export type Case = keyof typeof cases;

const faults = {
  healthy: 'none',
  'launch overhead': 'launch-overhead',
  'hidden sync': 'hidden-sync',
  'transfer-bound': 'transfer',
  'exposed communication': 'exposed-communication',
  straggler: 'straggler',
  precision: 'precision',
  'memory bandwidth': 'memory-bandwidth',
} as const;

/** The first cause of a warning, or that there is none. */
function answerTo(sources: readonly Source[]): Cause | 'no warning' {
  return diagnose(sources).findings.find(({ severity }) => severity === 'warning')?.cause ?? 'no warning';
}

/** The files of a made-up capture of a kind. */
export function sourcesOf(which: Case, seed: number): readonly Source[] {
  const random = seededRandom(seed);
  if (which === 'gang wait') {
    const { pods, nodes } = gangWaitPods(random);
    return [parseText('pod-csv', 'pods.csv', pods), parseText('node-csv', 'nodes.csv', nodes)];
  }
  const alone = which !== 'straggler' && which !== 'exposed communication';
  const ranks = alone && random() < 0.7 ? 1 : 2 + randomBelow(random, 3);
  const options = {
    share: 0.22 + 0.4 * random(),
    steps: 5 + randomBelow(random, 3),
    kernelsPerStep: 30 + randomBelow(random, 90),
    kernelUs: 30 + 170 * random(),
    ranks,
    random,
  };
  // The data pipeline is altered into healthy captures: gaps at the beginning of steps, under a loader's frame.
  const captures =
    which === 'data pipeline'
      ? trainingRun({ ...options, fault: 'none' }).map((capture) => withLoaderGaps(capture, options.share))
      : trainingRun({ ...options, fault: faults[which] });
  // And healthy ones are also made from launch-bound ones, by taking the gaps out.
  const altered =
    which === 'healthy' && seed % 4 === 0
      ? trainingRun({ ...options, fault: 'launch-overhead' }).map((capture) => removeGaps(capture, 1))
      : captures;
  return altered.map((capture) => ({
    kind: 'trace',
    path: `rank-${capture.rank}.json`,
    trace: scanTrace(new TextEncoder().encode(captureJson(capture))),
  }));
}

function withLoaderGaps(capture: Capture, share: number): Capture {
  const frame = {
    cat: 'user_annotation',
    name: 'enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__',
    tid: 100,
    pid: 4242,
  };
  const steps = capture.events
    .filter(({ name }) => name.startsWith('ProfilerStep#'))
    .map(({ ts, dur }) => ({ ts, dur }));
  const busyUs =
    capture.events.filter(({ cat, tid }) => cat === 'kernel' && tid === 7).reduce((us, { dur }) => us + dur, 0) /
    steps.length;
  const us = (busyUs * share) / (1 - share);
  let altered = capture;
  // From the last to the first, so that the times of those before stay. The GPU has run dry when a step begins.
  for (const { ts } of steps.toReversed()) altered = insertGap(altered, ts + 1, us, frame);
  return altered;
}

/** How often each answer was given to each case. */
export type Confusion = ReadonlyMap<Case, ReadonlyMap<Cause | 'no warning', number>>;

/** Answers to made-up captures. */
export function confusionOf(perCase: number, firstSeed = 1): Confusion {
  return confusionBetween(Object.keys(cases) as Case[], perCase, (which, index) => sourcesOf(which, firstSeed + index));
}

/** Answers to recorded captures that were altered. */
export function recordedConfusionOf(recorded: readonly Recorded[], perCase: number, firstSeed = 1): Confusion {
  return confusionBetween(alterations, perCase, (which, index) => alteredRecording(which, recorded, firstSeed + index));
}

function confusionBetween<Which extends Case>(
  kinds: readonly Which[],
  perCase: number,
  sources: (which: Which, index: number) => readonly Source[],
): Confusion {
  const matrix = new Map<Case, Map<Cause | 'no warning', number>>();
  for (const which of kinds) {
    const row = new Map<Cause | 'no warning', number>();
    for (let index = 0; index < perCase; index += 1) {
      const answer = answerTo(sources(which, index));
      row.set(answer, (row.get(answer) ?? 0) + 1);
    }
    matrix.set(which, row);
  }
  return matrix;
}

/** The share of faulty captures whose first cause is right, and of healthy ones with a warning. */
export function scoresOf(matrix: Confusion): { readonly right: number; readonly falseWarnings: number } {
  let right = 0;
  let faulty = 0;
  let healthy = 0;
  let warned = 0;
  for (const [which, row] of matrix) {
    const all = [...row.values()].reduce((sum, count) => sum + count, 0);
    const expected = cases[which];
    if (expected === null) {
      healthy += all;
      warned += all - (row.get('no warning') ?? 0);
    } else {
      faulty += all;
      right += row.get(expected) ?? 0;
    }
  }
  return { right: right / faulty, falseWarnings: warned / healthy };
}

function table(matrix: Confusion): string {
  const answers = [...causes, 'no warning'] as const;
  const rows = [...matrix].map(
    ([which, row]) =>
      `| ${which} | ${cases[which] ?? 'no warning'} | ${answers.map((answer) => row.get(answer) ?? 0).join(' | ')} |`,
  );
  const { right, falseWarnings } = scoresOf(matrix);
  return `| captures | right answer | ${answers.join(' | ')} |
|---|---|${answers.map(() => '---').join('|')}|
${rows.join('\n')}

Right first cause: ${(100 * right).toFixed(2)} % of faulty captures. False warnings: ${(100 * falseWarnings).toFixed(2)} % of healthy ones.`;
}

function page(made: Confusion, recorded: Confusion, names: readonly string[], perCase: number): string {
  return `# Captures with known answers and what is said of them

Written by \`node --conditions=headrace-source scripts/gpu/confusion.ts ${perCase}\`: ${perCase} captures of each kind. A capture counts as answered
by the first finding that is a warning.

## Recorded captures, altered

Public recordings, altered. Idle time and four fifths of the collectives are removed. Then time is inserted at random
moments at which no GPU event runs, equally often in every step, 22 to 62 % of the whole. The time is under a loader's
frame, after a read-back of 4 bytes or a blocking call, or a copy from pageable or pinned memory.

For stragglers a recording with collectives that nothing hides becomes 2 to 4 ranks. One computes for longer before
collectives, and the others wait inside them. Gangs of pods that are never placed are put into parts of a recorded pod list. Healthy ones get gaps of less than 4 %.

Recordings: ${names.map((name) => `\`${name.replace(/\.(pt\.trace\.)?json.*$/, '')}\``).join(', ')}. Those that compute in single precision are not
used for healthy ones; next to a wait, precision is not the first cause.

${table(recorded)}

## Made-up captures

Made by \`src/labs/captures\`: 1 to 4 ranks, 30 to 120 kernels of 30 to 200 µs a step. The fault takes 22 to 62 % of the step.

${table(made)}

The captures were made for these rules. So the tables show that the rules do as documented, over a range of sizes. They do
not show how often the rules are right about unknown traces. For those see [gpu-parity.md](gpu-parity.md).
`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const perCase = Number(process.argv[2] ?? 200);
  const made = confusionOf(perCase);
  console.log('made-up', scoresOf(made));
  if (hasRecorded) {
    const recorded = await readRecorded();
    const altered = recordedConfusionOf(recorded, perCase);
    console.log('recorded', scoresOf(altered));
    const names = recorded.map(({ name }) => name);
    writeFileSync('docs/reference/gpu-confusion.md', page(made, altered, names, perCase));
  } else console.log('no recorded captures beside the repository: the page is left as it is');
}
