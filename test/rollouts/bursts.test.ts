import { expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { rolloutPlan } from '../../src/features/define/rollout.ts';
import type { Rollout } from '../../src/ports/rollout-store.ts';
import type { HeldVersion } from '../../src/serving/online/held-version.ts';
import { judge } from '../../src/serving/rollout/judge.ts';
import { RolloutLanes } from '../../src/serving/rollout/rollout-lanes.ts';
import { moved } from '../../src/serving/rollout/rollout-machine.ts';
import { newVersion } from '../../src/testing/contracts/model-registry.ts';
import { newRollout } from '../../src/testing/contracts/rollout-store.ts';
import { rolloutStore } from '../sql-stores.ts';
import { halfAtOnce, soldProject } from './sold-project.ts';

/* The lanes and the judge as they run, on a simulated clock: a run takes its computed time, and no time of the machine counts. */

const RUNS = Number(process.env['HEADRACE_RUNS'] ?? 4);
const SECONDS = 40;
const CALLERS = 60;
/** Calls in a second. */
const RATE = 60;
/** A run takes a fixed time and one for each row, ms. */
const RUN_MS = { fixed: 2, row: 0.05, spread: 0.3 };

interface Load {
  readonly name: string;
  /** How many times longer a run takes at an instant. */
  readonly slowdown: (at: number) => number;
  /** Calls that one caller makes at once, at times. */
  readonly atOnce: number;
}

/** Bursts of another program: one of each three seconds, for a time that differs. */
const burst = (at: number) => (at % 3_000 < 400 + 300 * Math.sin(at / 7_000) ? 20 : 1);

const loads: readonly Load[] = [
  { name: 'a quiet machine', slowdown: () => 1, atOnce: 0 },
  { name: 'bursts of another program', slowdown: burst, atOnce: 0 },
  { name: 'bursts of one caller', slowdown: () => 1, atOnce: 80 },
  { name: 'bursts of both', slowdown: burst, atOnce: 80 },
];

/** Predictions take turns of their lanes; tensors wait in a queue of each version, and up to 32 share a run. */
const ways = ['predictions', 'tensors'] as const;
type Way = (typeof ways)[number];

interface Ended {
  readonly action: string;
  readonly reason: string;
  readonly second: number;
}

/** A rollout of a version that is a number of times slower, until it is rolled back or the time is over. */
async function rolledOut(
  load: Load,
  { way, slower }: { readonly way: Way; readonly slower: number },
  seed: number,
): Promise<Ended> {
  const random = seededRandom(seed);
  const [sold] = soldProject({ ...halfAtOnce, guardrails: { scoreShift: false, scoreDistance: false } }).models;
  let now = 0;
  const run = (version: number, rows: number) => {
    const began = now;
    const noise = Math.exp(RUN_MS.spread * randomNormal(random));
    now += (RUN_MS.fixed + RUN_MS.row * rows) * noise * load.slowdown(now) * (version === 2 ? slower : 1);
    return now - began;
  };
  const score = (version: number): HeldVersion => ({
    version: { ...newVersion('sold'), version },
    score: async (vectors) => {
      run(version, vectors.length);
      return { version, scores: new Float64Array(vectors.length).fill(0.5), features: [], fed: () => [] as never };
    },
    release: async () => undefined,
  });
  const store = rolloutStore();
  let rollout: Rollout = newRollout(`r${seed}`, { model: 'sold', plan: rolloutPlan(sold), salt: `s${seed}` });
  await store.start(rollout, {
    ...moved(rollout, { kind: 'tuned', at: 0, by: 'judge', reason: '' }).event,
    kind: 'started',
    revision: 1,
  });
  const lanes = new RolloutLanes({
    model: sold,
    store,
    server: {
      score: () => Promise.reject(new Error('none')),
      hold: async (version) => score(version),
      refresh: async () => undefined,
    },
    monotonic: () => now,
    shadowed: () => undefined,
    onFault: (error) => {
      throw error;
    },
  });
  await lanes.follow();
  const predict = (callers: readonly string[]) => Promise.all(callers.map((caller) => lanes.score([caller], [[0]])));
  const infer = async (callers: readonly string[]) => {
    const asked = callers.map((caller) => lanes.laneOf(caller)).filter((lane) => lane !== null);
    for (const [version, calls] of Map.groupBy(asked, (lane) => lane.version))
      for (let at = 0; at < calls.length; at += 32) {
        const batch = calls.slice(at, at + 32);
        const computeMs = run(version, batch.length);
        for (const { count } of batch) count('scored', computeMs, [0.5]);
      }
  };
  const answer = way === 'predictions' ? predict : infer;
  let [next, heavy] = [0, 1_500];
  for (let second = 1; second <= SECONDS; second += 1) {
    while (now < 1_000 * second) {
      const callers: string[] = [];
      // Calls that came while a run was under way wait for it.
      for (; next <= now; next += -Math.log(1 - random()) * (1_000 / RATE))
        callers.push(`c${Math.floor(CALLERS * random() ** 2)}`);
      for (; load.atOnce > 0 && heavy <= now; heavy += 1_500)
        callers.push(...new Array<string>(load.atOnce).fill('c0'));
      if (callers.length === 0) now = next;
      await answer(callers);
    }
    const { action, reason, slowMs } = judge(rollout, lanes.evidence(), null, 0);
    if (action === 'rollBack') return { action, reason, second };
    if (action !== 'tune') continue;
    const tuned = moved(rollout, { kind: 'tuned', at: 0, by: 'judge', reason, slowMs });
    rollout = tuned.next;
    await store.change(rollout, tuned.event);
    await lanes.follow();
  }
  await lanes.close();
  return { action: 'none', reason: '', second: SECONDS };
}

const seeds = (of: number) => Array.from({ length: of }, (_, i) => 1 + i);

const cases = ways.flatMap((way) => loads.map((load) => ({ way, load, name: load.name })));

test.each(cases)('$way: identical versions are not rolled back under $name', async ({ way, load }) => {
  for (const seed of seeds(RUNS))
    expect(await rolledOut(load, { way, slower: 1 }, seed)).toMatchObject({ action: 'none' });
});

test.each(cases)(
  '$way: a version three times as slow is rolled back by its time, under $name',
  async ({ way, load }) => {
    const found = { action: 'rollBack', reason: expect.stringMatching(/^p99/) };
    for (const seed of seeds(Math.max(2, RUNS / 4)))
      expect(await rolledOut(load, { way, slower: 3 }, seed)).toMatchObject(found);
  },
);
