import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { seededRandom } from '../src/base/rng.ts';
import { greedy } from '../src/cost/spot/policies/greedy.ts';
import { uniformProgress } from '../src/cost/spot/policies/uniform-progress.ts';
import type { PolicyJob } from '../src/cost/spot/policy.ts';
import { runWindow } from '../src/cost/spot/run-window.ts';
import { readSpotTrace } from '../src/cost/spot/trace/read-spot-trace.ts';
import { upUntil } from '../src/cost/spot/up-periods.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';

/**
 * 1,200 windows of a job of 48 h with a deadline of 60 h under two policies, next to the simulator of the authors of "Can't Be Late" in
 * the same run. HEADRACE_SPOT_SIMULATOR names the folder of its package `sky_spot` (ADRS, openevolve/examples/ADRS/cant-be-late/simulator);
 * without it there is no yardstick. HEADRACE_SPOT_TRACES names a folder of its traces of 600 s, where 1 is available; otherwise they are drawn.
 */
const WINDOWS = 1200;
const TICKS = 554;
const GAP_S = 600;
const job: PolicyJob = { workS: 172_800, deadlineS: 216_000, gapS: GAP_S, changeoverS: 720, priceRatio: 3.06 / 0.9731 };

const traces = await tracesOf(process.env['HEADRACE_SPOT_TRACES']);
const ends = traces.map((counts) => upUntil(counts, 1));
const random = seededRandom(3);
const windows = Array.from({ length: WINDOWS }, (_, index) => {
  const trace = index % traces.length;
  const from = Math.floor(random() * ((traces[trace]?.length ?? 0) - TICKS));
  return { trace, from };
});

const ours = { greedy: [] as number[], uniform_progress: [] as number[] };
const seconds: number[] = [];
for (let round = 0; round < 7; round += 1) {
  const start = performance.now();
  for (const [name, policy] of [
    ['greedy', greedy],
    ['uniform_progress', uniformProgress],
  ] as const)
    ours[name] = windows.map(({ trace, from }) => {
      const counts = traces[trace] ?? new Uint16Array();
      const window = {
        counts,
        from,
        to: from + TICKS,
        nodes: 1,
        job,
        policy,
        upUntil: ends[trace] ?? new Uint32Array(),
      };
      const { spotTicks, onDemandTicks } = runWindow(window);
      return ((spotTicks * 0.9731 + onDemandTicks * 3.06) * GAP_S) / 3600;
    });
  if (round >= 2) seconds.push((performance.now() - start) / 1000);
}

const theirs = theirSimulator(process.env['HEADRACE_SPOT_SIMULATOR']);
printFigure({
  name: `1,200 windows × 2 policies of spot${theirs === null ? '' : `, costs equal to 1e-6 in ${theirs.equal} of ${2 * WINDOWS}`}`,
  unit: 's',
  value: median(seconds),
  yardstick: theirs === null ? null : "the authors' simulator, Python",
  yardstickValue: theirs?.seconds ?? null,
  aim: theirs === null ? { of: 'value', atMost: 2 } : { of: 'ratio', atMost: 0.02 },
});

async function tracesOf(folder: string | undefined): Promise<readonly Uint16Array[]> {
  const names = ['us-west-2a_k80_1', 'us-west-2a_v100_1', 'us-west-2b_k80_1', 'us-west-2b_v100_8'];
  if (folder === undefined) return names.map((_, index) => drawn(3895, 0.3 + 0.2 * index));
  const read = names.map((name) => readSpotTrace(`${folder}/${name}.json`, { polarity: 'available' }));
  return (await Promise.all(read)).map(({ counts }) => counts);
}

/** A trace of periods up and down. */
function drawn(length: number, upShare: number): Uint16Array {
  const chance = seededRandom(Math.round(upShare * 100));
  let up = 1;
  return Uint16Array.from({ length }, () => {
    if (chance() < 0.1) up = Number(chance() < upShare);
    return up;
  });
}

function theirSimulator(folder: string | undefined) {
  if (folder === undefined || !existsSync(folder)) return null;
  const input = {
    deadlineH: 60,
    workH: 48,
    changeoverH: 0.2,
    gapS: GAP_S,
    traces: traces.map((counts) => [...counts]),
    windows: windows.map(({ trace, from }) => [trace, from, from + TICKS]),
  };
  const script = new URL('./spot-simulator.py', import.meta.url).pathname;
  const options = { input: JSON.stringify(input), maxBuffer: 2 ** 28, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync('python3', [script, folder], options);
  if (status !== 0) throw new Error(stderr.slice(-500));
  const found = JSON.parse(stdout) as { seconds: number; costs: typeof ours };
  const names = ['greedy', 'uniform_progress'] as const;
  const equal = names.flatMap((name) =>
    found.costs[name].filter((cost, index) => Math.abs(cost - (ours[name][index] ?? Number.NaN)) < 1e-6),
  );
  return { seconds: found.seconds, equal: equal.length };
}
