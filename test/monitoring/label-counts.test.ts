import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { seededRandom } from '../../src/base/rng.ts';
import type { ModelData } from '../../src/features/define/declaration.ts';
import { bool, defineProject, eventSource, model, text, time } from '../../src/features/define/declare.ts';
import { rolloutPlan } from '../../src/features/define/rollout.ts';
import { type LabelCounts, labelCountsText, NO_LABELS, withLabel } from '../../src/model/label-maturity.ts';
import { readRows } from '../../src/monitoring/cause/window-rows.ts';
import { coverageOf } from '../../src/monitoring/estimate/window-coverage.ts';
import { qualityLines, qualityReport, wholeDays } from '../../src/monitoring/labels/quality-report.ts';
import { rolloutOutcomes } from '../../src/monitoring/labels/rollout-outcomes.ts';
import { realisedLosses } from '../../src/monitoring/monitor/realised-losses.ts';
import { pairedLosses } from '../../src/playbook/paired-losses.ts';
import type { OfflineStore, OfflineTable } from '../../src/ports/offline-store.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { predictionTable } from '../../src/serving/online/prediction-table.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { asked, registerModel, service } from '../models/small-project.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 1);
const WITHIN_MS = 6 * HOUR_MS;
const LATENESS_MS = HOUR_MS;
const HOURS = Number(process.env['HEADRACE_LABEL_HOURS'] ?? 11);
const random = seededRandom(Number(process.env['HEADRACE_SEED'] ?? 1));
const below = (bound: number): number => Math.floor(random() * bound);

const said = eventSource('said', {
  id: 'id',
  time: 'at',
  lateness: '1h',
  columns: { id: text(), at: time(), asked: text(), good: bool() },
});
const rest = { service, spine: { from: asked, id: 'id' }, train: { with: { kind: 'logisticRegression' } } } as const;
const label = { from: said, id: 'asked', within: '6h' } as const;
const models = [
  model('assumed', { ...rest, task: 'binary', label: { ...label, value: (e) => e.good, otherwise: false } }),
  model('plain', { ...rest, task: 'binary', label: { ...label, value: (e) => e.good } }),
];
const project = defineProject('counts', {
  asked,
  said,
  service,
  ...Object.fromEntries(models.map((one) => [one.name, one])),
});

const directory = mkdtempSync(join(tmpdir(), 'headrace-label-counts-'));
let now = START;
let headrace: Headrace;
let server: RunningServer;

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 2 }, clock: () => now });
  const registry = openSqliteRegistry(join(directory, 'registry.sqlite'));
  for (const one of models) {
    await registerModel(one.name, registry, new FileArtifactStore(join(directory, 'artifacts')), 0.3);
    await headrace.promote(one, 1);
  }
  await registry.close();
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 1e6 });
});

afterAll(async () => {
  await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Everything that was sent, in order. */
const asks: { readonly id: string; readonly at: number }[] = [];
const labels: { readonly asked: string; readonly at: number; readonly arrives: number }[] = [];

/** The counts by their definition, of predictions at instants. */
function naive(predictions: typeof asks, otherwise: boolean): LabelCounts {
  return predictions.reduce((counts, { id, at }) => {
    const came = labels.some(
      (one) =>
        one.asked === id &&
        one.at >= at &&
        one.at <= at + WITHIN_MS &&
        one.arrives <= one.at + LATENESS_MS &&
        one.arrives <= now,
    );
    const isOver = now > at + WITHIN_MS + LATENESS_MS;
    return withLabel(counts, came ? 'came' : !isOver ? 'pending' : otherwise ? 'assumed' : 'unlabelled');
  }, NO_LABELS);
}

/** Predictions that count: an id that is asked again while its label is waited for is no new one. */
function counted(): typeof asks {
  const until = new Map<string, number>();
  return asks.filter(({ id, at }) => {
    const isNew = at > (until.get(id) ?? Number.NEGATIVE_INFINITY);
    until.set(id, Math.max(until.get(id) ?? at, at + WITHIN_MS + LATENESS_MS));
    return isNew;
  });
}

/** The history with the predictions as those of a rollout. */
function asRollout(history: OfflineStore, of: ModelData, lanes: string): OfflineStore {
  const relation = (table: OfflineTable) => {
    const found = history.relation(table);
    return table.name === predictionTable(of).name
      ? `(SELECT * REPLACE ('r' AS rollout, ${lanes}) FROM ${found}, (VALUES (1), (2)) AS copies(copy))`
      : found;
  };
  return new Proxy(history, {
    get: (target, name) => {
      if (name === 'relation') return relation;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The counts that each place gives of all predictions, as far as it gives them. */
async function doors(of: (typeof models)[number]): Promise<Readonly<Record<string, Partial<LabelCounts>>>> {
  const data = headrace.model(of.name);
  const { offline } = insideOf(headrace).stores;
  const span = wholeDays(START, now + 1);
  const pick = ({ predictions, labelled, assumed, pending, unlabelled }: LabelCounts): LabelCounts => ({
    predictions,
    labelled,
    assumed,
    pending,
    unlabelled,
  });
  const { counters, quality } = headrace.outcomes(of);
  const realised = await headrace.realisedQuality(of, span.from, span.to);
  const report = qualityReport(of.name, realised, span, { versions: [], champion: null });
  expect(qualityLines(report).at(-1)).toContain(
    report.whole === null ? 'no predictions' : labelCountsText(report.whole),
  );
  const answer = await fetch(`${server.url}/v1/quality/${of.name}?from=${span.from}&to=${span.to}`);
  const { whole } = (await answer.json()) as { readonly whole: LabelCounts };
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const figure = (outcome: string) =>
    Number(new RegExp(`headrace_predictions{model="${of.name}",outcome="${outcome}"} (\\d+)`).exec(metrics)?.[1]);
  let losses = NO_LABELS;
  for await (const batch of realisedLosses(offline, { model: data, version: 1, ...span, now }))
    for (const { state } of batch) losses = withLabel(losses, state);
  const rows = await readRows(offline, { model: data, version: 1, span, now, labelled: false });
  const coverage = await coverageOf(data, offline, 1, span, now);
  const rollout = { id: 'r', plan: rolloutPlan(data) };
  const lane = `CASE WHEN copy = 2 THEN 'shadow' WHEN hash("id") % 2 = 0 THEN 'canary' ELSE 'baseline' END AS lane`;
  const { canary, baseline } = await rolloutOutcomes(data, asRollout(offline, data, lane), rollout, now);
  const pairs = await pairedLosses(data, asRollout(offline, data, lane), rollout, now);
  const sum = (count: keyof LabelCounts) => (canary.labels?.[count] ?? 0) + (baseline.labels?.[count] ?? 0);
  return {
    counters: pick(counters),
    'quality as labels came': pick(quality.between(span.from, span.to) ?? (NO_LABELS as never)),
    'quality of the history': pick(realised.between(span.from, span.to) ?? (NO_LABELS as never)),
    'quality over HTTP': pick(whole),
    metrics: {
      labelled: figure('labelled'),
      assumed: figure('assumed'),
      pending: figure('pending'),
      unlabelled: figure('unlabelled'),
    },
    'losses of a monitor': losses,
    'rows of a frame': {
      predictions: rows.scores.length,
      labelled: rows.labels.filter((value) => !Number.isNaN(value)).length,
    },
    'coverage of a window': pick(coverage.window),
    'cohorts of a rollout': {
      predictions: sum('predictions'),
      labelled: sum('labelled'),
      assumed: sum('assumed'),
      pending: sum('pending'),
      unlabelled: sum('unlabelled'),
    },
    'losses of cohorts': { labelled: canary.loss.n + baseline.loss.n },
    // A shadow scores each request of a rollout once.
    ...(new Set(asks.map(({ id }) => id)).size === counted().length
      ? { 'pairs of a shadow': { predictions: pairs?.requests ?? 0, labelled: pairs?.labels ?? 0 } }
      : {}),
  };
}

async function agree(): Promise<void> {
  await headrace.tick();
  await headrace.flush();
  for (const one of models) {
    const { otherwise } = headrace.model(one.name).label;
    const wanted = naive(counted(), otherwise !== null);
    for (const [door, found] of Object.entries(await doors(one)))
      expect(found, `${door} of ${one.name} at ${new Date(now).toISOString()}`).toEqual(
        Object.fromEntries(Object.keys(found).map((count) => [count, wanted[count as keyof LabelCounts]])),
      );
    const path = join(directory, 'set.parquet');
    const set = await headrace.writeTrainingSet(one, path, { to: now + 1 });
    const firsts = asks.filter(({ id }, i) => asks.findIndex((other) => other.id === id) === i);
    const rows = naive(firsts, otherwise !== null);
    expect(set, `training set of ${one.name}`).toMatchObject({
      rows: rows.labelled,
      assumed: rows.assumed,
      pending: rows.pending,
      unlabelled: rows.predictions - rows.labelled,
    });
  }
}

async function ask(ids: readonly string[]): Promise<void> {
  const request = { name: 'n', number: below(9), gaps: null, category: 1 };
  for (const one of models)
    await headrace.predictMany(
      one,
      ids.map((id) => ({ id, request })),
    );
  const first = ids.filter((id) => !asks.some((one) => one.id === id));
  await headrace.ingest(
    asked,
    first.map((id) => ({ id, at: now, ...request })),
  );
  asks.push(...ids.map((id) => ({ id, at: now })));
}

test('every number counts the same labels as labelled, assumed, pending and missing, at every instant', async () => {
  const waiting: (typeof labels)[number][] = [];
  const instants: number[] = [];
  let made = 0;
  for (let hour = 0; hour < HOURS; hour += 1) {
    const next = START + hour * HOUR_MS + below(60) * MINUTE_MS + below(1000);
    const due = [...waiting.splice(0), ...instants.splice(0).map((at) => ({ check: at }))]
      .map((one) => ({ one, when: 'check' in one ? one.check : one.arrives }))
      .sort((a, b) => a.when - b.when);
    for (const { one, when } of due) {
      if (when > next) {
        if ('check' in one) instants.push(when);
        else waiting.push(one);
        continue;
      }
      now = when;
      if ('check' in one) await agree();
      else {
        await headrace.ingest(said, [{ id: `l${labels.length}`, at: one.at, asked: one.asked, good: below(2) === 0 }]);
        labels.push(one);
      }
    }
    now = next;
    const ids = Array.from({ length: 2 + below(3) }, () => (below(5) === 0 ? `p${below(made + 1)}` : `p${made++}`));
    await ask([...new Set(ids)]);
    // The last instant at which a label can come, and the first at which none can.
    if (hour === 0 || hour === 3) instants.push(now + WITHIN_MS + LATENESS_MS, now + WITHIN_MS + LATENESS_MS + 1);
    for (const id of new Set(ids)) {
      for (let n = below(3); n > 0; n -= 1) {
        const at = now + below(8 * 60) * MINUTE_MS;
        waiting.push({ asked: id, at, arrives: at + [0, 0, 30 * MINUTE_MS, HOUR_MS, HOUR_MS + 1][below(5)] });
      }
    }
  }
  await agree();
  now += WITHIN_MS + LATENESS_MS + 1;
  await agree();
  const last = naive(counted(), true);
  expect(last.pending).toBe(0);
  expect(last.assumed).toBeGreaterThan(3);
}, 120_000);
