import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { bool, defineProject, eventSource, float, model, text, time } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { runs } from '../runs.ts';
import { asked, registerModel, service } from './small-project.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START = Date.UTC(2026, 0, 1);
const STEPS = Number(process.env['HEADRACE_RESTART_STEPS'] ?? runs(20, 200));
const SEED = Number(process.env['HEADRACE_RESTART_SEED'] ?? 1);

const came = eventSource('came', {
  id: 'id',
  time: 'at',
  lateness: '1h',
  columns: { id: text(), at: time(), asked: text(), good: bool(), amount: float() },
});
const rest = { service, spine: { from: asked, id: 'id' }, train: { with: { kind: 'logisticRegression' } } } as const;
const label = { from: came, id: 'asked', within: '30h' } as const;
const models = [
  model('plain', { ...rest, task: 'binary', label: { ...label, value: (e) => e.good } }),
  model('assumed', { ...rest, task: 'binary', label: { ...label, value: (e) => e.good, otherwise: false } }),
  model('amount', { ...rest, task: 'regression', quantile: 0.7, label: { ...label, value: (e) => e.amount } }),
];
const project = defineProject('restarts', {
  asked,
  came,
  service,
  ...Object.fromEntries(models.map((m) => [m.name, m])),
});

/** Once between two ticks: what it is, and for a label which prediction it is of, its lateness and its values. */
interface Step {
  readonly forwardMs: number;
  readonly predictions: readonly string[];
  readonly labels: readonly {
    readonly id: string;
    readonly asked: string;
    readonly agoMs: number;
    readonly good: boolean;
    readonly amount: number;
  }[];
  readonly does: 'nothing' | 'flush' | 'restart';
}

function drawSteps(count: number): readonly Step[] {
  const random = seededRandom(SEED);
  const below = (bound: number): number => Math.floor(random() * bound);
  let made = 0;
  return Array.from({ length: count }, (_, i): Step => {
    const predictions = Array.from({ length: below(5) }, () => `p${below(12) === 0 ? below(made + 1) : made++}`);
    const labels = Array.from({ length: below(5) }, (_n, j) => ({
      id: `l${i}-${j}`,
      // Some before their prediction, some of none, some twice.
      asked: below(10) === 0 ? `none${below(9)}` : `p${below(made + 3)}`,
      agoMs: below(50) * MINUTE_MS,
      good: below(2) === 0,
      amount: (random() - 0.5) * 900,
    }));
    const does = (['nothing', 'nothing', 'flush', 'restart'] as const)[below(4)];
    return { forwardMs: below(5) * HOUR_MS + below(60) * MINUTE_MS, predictions, labels, does };
  });
}

/** A project in a directory, with a champion of every model. */
async function prepare(now: () => number) {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-restarts-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const open = () => openHeadrace({ project, environment: { directory, partitions: 2 }, clock: now });
  const headrace = await open();
  const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
  for (const one of models) {
    await registerModel(one.name, registry, new FileArtifactStore(join(directory, 'artifacts')), 0.3);
    await headrace.promote(one, 1);
  }
  await registry.close();
  return { headrace, open };
}

test('after any restart what waits for labels, and the quality, are those of a project that never stopped', {
  timeout: 120_000 + STEPS * 5_000,
}, async () => {
  let now = START;
  const steady = await prepare(() => now);
  const stopped = await prepare(() => now);
  let restarted: Headrace = stopped.headrace;
  let restarts = 0;
  for (const { forwardMs, predictions, labels, does } of drawSteps(STEPS)) {
    now += forwardMs;
    for (const headrace of [steady.headrace, restarted]) {
      await headrace.tick();
      for (const one of models) {
        await headrace.predictMany(
          one,
          predictions.map((id) => ({ id, request: { name: id, number: id.length, gaps: null, category: 1 } })),
        );
      }
      await headrace.ingest(
        came,
        labels.map(({ agoMs, ...event }) => ({ ...event, at: now - agoMs })),
      );
    }
    if (does === 'flush') await restarted.flush();
    if (does !== 'restart') continue;
    await restarted.close();
    restarted = await stopped.open();
    restarts += 1;
    await mustAgree(steady.headrace, restarted, now);
  }
  now += 4 * DAY_MS;
  for (const headrace of [steady.headrace, restarted]) await headrace.tick();
  await mustAgree(steady.headrace, restarted, now);
  expect(restarts).toBeGreaterThan(STEPS / 8);
  for (const one of models) {
    const history = await restarted.realisedQuality(one, START, now);
    expect(history.days()).toEqual(steady.headrace.outcomes(one).quality.days());
  }
  await steady.headrace.close();
  await restarted.close();
});

/** What waits, and the quality of the days of which a label may still come. */
async function mustAgree(steady: Headrace, restarted: Headrace, now: number): Promise<void> {
  for (const headrace of [steady, restarted]) await headrace.tick();
  const from = Math.floor((now - 31 * HOUR_MS) / DAY_MS) * DAY_MS;
  for (const one of models) {
    const wanted = steady.outcomes(one);
    const found = restarted.outcomes(one);
    const waiting = ({ pending, waitingLabels }: typeof found.counters) => ({ pending, waitingLabels });
    expect(waiting(found.counters), one.name).toEqual(waiting(wanted.counters));
    const { predictions, labelled, unlabelled, pending } = found.counters;
    expect(predictions).toBe(labelled + unlabelled + pending);
    for (const day of wanted.quality.days().filter((start) => start >= from))
      expect(found.quality.between(day, day + 1), `${one.name} ${new Date(day).toISOString()}`).toEqual(
        wanted.quality.between(day, day + 1),
      );
  }
}

test('predictions that were over before the counting begins are in no count after a restart', async () => {
  let now = START;
  const stopped = await prepare(() => now);
  const [one] = models;
  const requests = ['a', 'b', 'c'].map((id) => ({ id, request: { name: id, number: 1, gaps: null, category: 1 } }));
  await stopped.headrace.predictMany(one, requests);
  await stopped.headrace.close();
  now += 3.5 * DAY_MS;
  const headrace = await stopped.open();
  onTestFinished(() => headrace.close());
  expect(headrace.outcomes(one).counters).toMatchObject({ predictions: 0, pending: 0 });
  await headrace.tick();
  expect(headrace.outcomes(one).counters).toMatchObject({ predictions: 0, pending: 0, unlabelled: 0 });
});
