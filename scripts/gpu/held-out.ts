import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Random, randomBelow, seededRandom } from '../../src/base/rng.ts';
import { jobFacts } from '../../src/gpu/analysis/occupancy.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import type { Cause, Finding } from '../../src/gpu/finding.ts';
import { parseText } from '../../src/gpu/readers/parse-text.ts';
import type { Source } from '../../src/gpu/source.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { trainingRun } from '../../src/labs/captures/training-run.ts';
import { scanTrace } from '../../test/gpu/captures/scan-trace.ts';
import { type Case, cases, sourcesOf } from './confusion.ts';
import { alterations, alteredRecording, hasRecorded, type Recorded, readRecorded } from './recorded-captures.ts';

/** Seeds from here on are used by no other script and no test of a rule. */
export const FIRST_HELD_OUT = 8_000_000;

/** The answer to a capture: its planted cause, no cause, another cause, or "healthy" although it is not shown. */
export const verdicts = ['right', 'no answer', 'wrong cause', 'healthy without evidence'] as const;
export type HeldOutVerdict = (typeof verdicts)[number];

/** A capture, and whether an answer names what was planted in it. */
interface Planted {
  readonly sources: readonly Source[];
  /** The cause; null where nothing is to be found. */
  readonly cause: Cause | null;
  /** Whether "healthy" is a right answer. */
  readonly healthy?: boolean;
  /** What the finding must say besides its cause. */
  readonly names?: (finding: Finding) => boolean;
}

function verdictOn({ sources, cause, healthy = false, names = () => true }: Planted): HeldOutVerdict {
  const { verdict, findings } = diagnose(sources);
  if (verdict === 'healthy') return healthy ? 'right' : 'healthy without evidence';
  const told = findings.filter(
    ({ severity, shareOfStep }) => severity === 'warning' || shareOfStep === null || cause !== null,
  );
  const [first] = told;
  if (cause === null) return first === undefined || first.severity === 'info' ? 'right' : 'wrong cause';
  if (first === undefined) return 'no answer';
  return first.cause === cause && names(first) ? 'right' : 'wrong cause';
}

const between = (random: Random, from: number, to: number) => from + (to - from) * random();

/** Iteration times of workers: `slowness` says how many times as long an iteration of a worker takes. */
function iterations(
  random: Random,
  workers: number,
  count: number,
  slowness: (worker: number, time: number) => number,
  noise = 0.03,
): Source {
  const rows = ['worker,time,batch_time_norm'];
  for (let time = 0; time < count; time += 1)
    for (let worker = 0; worker < workers; worker += 1)
      rows.push(`w${worker},${time},${(100 * (1 + noise * (random() - 0.5)) * slowness(worker, time)).toFixed(3)}`);
  return parseText('iterations', 'iterations.csv', `${rows.join('\n')}\n`);
}

/** Whether a finding names these workers and no other. */
const workersAre = (wanted: readonly number[]) => (finding: Finding) => {
  const named = new Set((/^workers (.+) are late/.exec(finding.title)?.[1] ?? '').split(', '));
  return named.size === wanted.length && wanted.every((worker) => named.has(`w${worker}`));
};

function lateWorkers(random: Random, late: number): Planted {
  const workers = Math.max(3 * late, 3) + randomBelow(random, 8);
  const count = 60 + randomBelow(random, 240);
  const ids = Array.from({ length: late }, (_, index) => index * 2);
  const depth = between(random, 1.15, 2.5);
  // For a part of the run that costs at least 8 % of it.
  const length = Math.ceil(count * between(random, Math.min(0.1 / (depth - 1), 0.95), 1));
  const from = randomBelow(random, count - length + 1);
  const isLate = (worker: number, time: number) => ids.includes(worker) && time >= from && time < from + length;
  const times = iterations(random, workers, count, (worker, time) => (isLate(worker, time) ? depth : 1));
  return { sources: [times], cause: 'multi-gpu', names: workersAre(ids) };
}

function tracesOf(random: Random, fault: 'straggler' | 'uneven' | 'exposed-communication'): readonly Source[] {
  const options = {
    fault,
    share: between(random, 0.22, 0.6),
    steps: 6 + randomBelow(random, 4),
    kernelsPerStep: 30 + randomBelow(random, 60),
    kernelUs: between(random, 40, 160),
    ranks: 2 + randomBelow(random, 4),
    random,
  };
  return trainingRun(options).map((capture) => ({
    kind: 'trace',
    path: `rank-${capture.rank}.json`,
    trace: scanTrace(new TextEncoder().encode(captureJson(capture))),
  }));
}

/** A log of nccl-tests of hardware without a reference, with text of NCCL between and inside of its rows. */
function fabric(random: Random, path: string, busbw: number, sized: boolean): Source {
  const ranks = Array.from(
    { length: 4 },
    (_, rank) => `#  Rank  ${rank} Group  0 Pid 1 on ${path} device  ${rank} [0000:07:00] NVIDIA H100`,
  );
  const rows = Array.from({ length: 20 }, (_, index) => {
    const bytes = 2 ** (10 + index);
    const algbw = (busbw * (bytes / (bytes + 4e6)) * between(random, 0.97, 1.03)) / 1.5;
    const cells = [(bytes / algbw / 1000).toFixed(2), algbw.toFixed(2), (algbw * 1.5).toFixed(2), '0'];
    const row = [bytes, bytes / 4, 'float', 'sum', -1, ...cells, ...cells].join('   ');
    const info = 'node:77:77 [0] NCCL INFO comm 0x7f rank 0';
    if (random() < 0.2) return `${row.slice(0, 30)}${info}\n${row.slice(30)}`;
    return random() < 0.2 ? `${info}\n ${row}` : ` ${row}`;
  });
  const average = `# Avg bus bandwidth    : ${(0.35 * busbw).toFixed(4)} `;
  return parseText(
    'nccl-tests',
    path,
    `# nThread 1 nGpus 4 minBytes 1024\n${[...ranks, ...(sized ? rows : []), average].join('\n')}\n`,
  );
}

function twoNodes(random: Random, weak: boolean): Planted {
  const sized = random() < 0.6;
  const whole = between(random, 80, 400);
  const second = fabric(
    random,
    'b.log',
    weak ? whole * between(random, 0.2, 0.6) : whole * between(random, 0.9, 1.1),
    sized,
  );
  const sources = [fabric(random, 'a.log', whole, sized), second];
  return { sources, cause: weak ? 'multi-gpu' : null, names: ({ scope }) => scope.file === 'b.log' };
}

/** Counters over time by dcgmi dmon. */
function activity(random: Random, which: 'memory' | 'few SMs' | 'full' | 'idle'): Planted {
  const near = (value: number) => Math.min(Math.max(value * between(random, 0.97, 1.03), 0), 1).toFixed(3);
  const kinds = {
    memory: () => ['98', near(0.97), near(0.9), near(0.08), near(0.75)],
    'few SMs': () => ['97', near(0.96), near(0.3), near(0.1), near(0.1)],
    full: () => ['99', near(0.99), near(0.95), near(0.8), near(0.6)],
    idle: () =>
      random() < 0.5 ? ['0', '0.000', '0.000', '0.000', '0.000'] : ['99', near(0.9), near(0.9), near(0.6), near(0.5)],
  } as const;
  const rows = Array.from({ length: 120 }, () => `GPU 0  ${kinds[which]().join('  ')}\n`);
  const text = `#Entity  GPUTL  GRACT  SMACT  TENSO  DRAMA\nID\n${rows.join('')}`;
  const causes = { memory: 'kernel-efficiency', 'few SMs': 'launch-overhead', full: null, idle: 'scheduling' } as const;
  return { sources: [parseText('dcgmi-dmon', 'dcgmi.txt', text)], cause: causes[which], healthy: which === 'full' };
}

/** sacct without a header, in a random order of columns, with times as epoch seconds: right is the sum, or that it is unknown. */
function accounting(random: Random, told: boolean): { readonly right: boolean; readonly known: boolean } {
  const count = 12 + randomBelow(random, 40);
  let hours = 0;
  const stamp = (s: number) =>
    told ? String(1_767_603_600 + s) : new Date((1_767_603_600 + s) * 1000).toISOString().slice(0, 19);
  const clock = (s: number) => new Date(s * 1000).toISOString().slice(11, 19);
  const keep = random() < 0.7;
  const rows = Array.from({ length: count }, (_, job) => {
    const [gpus, seconds] = [2 ** randomBelow(random, 4), 60 + randomBelow(random, 80_000)];
    hours += (gpus * seconds) / 3600;
    const start = job * 500 + randomBelow(random, 400);
    return [
      String(100 + job),
      random() < 0.2 ? 'FAILED' : 'COMPLETED',
      '0:0',
      stamp(start - randomBelow(random, 300)),
      stamp(start),
      ...(keep ? [stamp(start + seconds)] : []),
      clock(randomBelow(random, 80_000)),
      clock(seconds),
      `cpu=8,gres/gpu=${gpus},mem=59G`,
    ];
  });
  const order = (rows[0] ?? []).map((_, at) => at).sort(() => random() - 0.5);
  const text = `${rows.map((row) => [...order.map((at) => row[at]), 'a|b'].join('|')).join('\n')}\n`;
  const source = parseText('sacct', 'jobs.psv', text);
  const found = source.kind === 'jobs' ? jobFacts(source.jobs).gpuHours : 0;
  return { right: Number.isNaN(found) || Math.abs(found - hours) < 1e-6 * hours, known: !Number.isNaN(found) };
}

/** Kinds of captures that the rules were not written on. */
const planted: Readonly<Record<string, (random: Random) => Planted>> = {
  'one late worker': (random) => lateWorkers(random, 1),
  'two workers late together': (random) => lateWorkers(random, 2),
  'three workers late together': (random) => lateWorkers(random, 3),
  'workers that differ evenly': (random) => {
    const spread = between(random, 0.02, 0.06);
    const workers = 4 + randomBelow(random, 6);
    return { sources: [iterations(random, workers, 150, (worker) => 1 + (spread * worker) / workers)], cause: null };
  },
  'workers that save in turn': (random) => {
    const every = 20 + randomBelow(random, 20);
    return {
      sources: [iterations(random, 6, 240, (worker, time) => (time % every === worker * 3 ? 1.6 : 1))],
      cause: null,
    };
  },
  'a late rank': (random) => ({
    sources: tracesOf(random, 'straggler'),
    cause: 'multi-gpu',
    names: ({ title }) => / is late/.test(title),
  }),
  'ranks late in turn': (random) => ({
    sources: tracesOf(random, 'uneven'),
    cause: 'multi-gpu',
    names: ({ title }) => /in turn| is late/.test(title),
  }),
  'a slow wire': (random) => ({
    sources: tracesOf(random, 'exposed-communication'),
    cause: 'multi-gpu',
    names: ({ title }) => /^communication/.test(title),
  }),
  'a node with a weak fabric': (random) => twoNodes(random, true),
  'two nodes that are as fast': (random) => twoNodes(random, false),
  'counters: bound by memory': (random) => activity(random, 'memory'),
  'counters: few SMs': (random) => activity(random, 'few SMs'),
  'counters: idle half of the time': (random) => activity(random, 'idle'),
  'counters: full': (random) => activity(random, 'full'),
};

/** How often each verdict was given, by kind of capture. */
export type HeldOut = ReadonlyMap<string, ReadonlyMap<HeldOutVerdict, number>>;

/** Verdicts on captures with seeds that nothing else uses; recorded ones are altered where they are there. */
export function heldOutOf(perCase: number, recorded: readonly Recorded[] = [], firstSeed = FIRST_HELD_OUT): HeldOut {
  const found = new Map<string, Map<HeldOutVerdict, number>>();
  const count = (name: string, verdict: HeldOutVerdict) => {
    const row = found.get(name) ?? new Map<HeldOutVerdict, number>();
    found.set(name, row.set(verdict, (row.get(verdict) ?? 0) + 1));
  };
  for (let index = 0; index < perCase; index += 1) {
    const seed = firstSeed + index;
    for (const [name, make] of Object.entries(planted)) count(name, verdictOn(make(seededRandom(seed))));
    for (const which of Object.keys(cases) as Case[])
      count(
        `made-up: ${which}`,
        verdictOn({ sources: sourcesOf(which, seed), cause: cases[which], healthy: which === 'healthy' }),
      );
    for (const which of recorded.length === 0 ? [] : alterations)
      count(
        `recorded: ${which}`,
        verdictOn({
          sources: alteredRecording(which, recorded, seed),
          cause: cases[which],
          healthy: which === 'healthy',
        }),
      );
    for (const epoch of [true, false]) {
      const { right, known } = accounting(seededRandom(seed), epoch);
      count(
        `sacct without a header, ${epoch ? 'epoch seconds' : 'ISO 8601'}`,
        right ? (known ? 'right' : 'no answer') : 'wrong cause',
      );
    }
  }
  return found;
}

/** Shares over all captures; of those that have an answer, unknown GPU-hours are none. */
export function heldOutScores(found: HeldOut): Readonly<Record<HeldOutVerdict, number>> {
  const rows = [...found].filter(([name]) => !name.startsWith('sacct'));
  const all = rows.reduce((sum, [, row]) => sum + [...row.values()].reduce((total, one) => total + one, 0), 0);
  const share = (verdict: HeldOutVerdict) => rows.reduce((sum, [, row]) => sum + (row.get(verdict) ?? 0), 0) / all;
  return Object.fromEntries(verdicts.map((verdict) => [verdict, share(verdict)])) as Record<HeldOutVerdict, number>;
}

/** The page of verdicts. */
export function heldOutPage(found: HeldOut, perCase: number): string {
  const rows = [...found].map(
    ([name, row]) => `| ${name} | ${verdicts.map((verdict) => row.get(verdict) ?? 0).join(' | ')} |`,
  );
  const scores = heldOutScores(found);
  return `# Verdicts on held-out captures

Written by \`node --conditions=headrace-source scripts/gpu/held-out.ts ${perCase}\`: ${perCase} captures of each kind. Their seeds begin at
${FIRST_HELD_OUT.toLocaleString('en')}, and no other script or test uses them. A capture counts as right if its first finding has the planted cause and names who is
late, or which node is weak. Where nothing is planted, no warning is right.

"Healthy without evidence" is that answer to a capture in which something is planted, or that cannot show it. Of sacct without a
header, the exact sum of GPU-hours is right. "Unknown" is no answer: in three of ten files no column confirms another.

| captures | ${verdicts.join(' | ')} |
|---|${verdicts.map(() => '---').join('|')}|
${rows.join('\n')}

Right: ${(100 * scores.right).toFixed(2)} %. Wrong causes: ${(100 * scores['wrong cause']).toFixed(2)} %. Healthy without evidence: ${(100 * scores['healthy without evidence']).toFixed(2)} %.
`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const perCase = Number(process.argv[2] ?? 100);
  const found = heldOutOf(perCase, hasRecorded ? await readRecorded() : []);
  console.log(heldOutScores(found));
  if (hasRecorded) writeFileSync('docs/internals/gpu-verdicts.md', heldOutPage(found, perCase));
  else console.log('no recorded captures beside the repository: the page is left as it is');
}
