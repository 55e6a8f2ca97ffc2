import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { declarationHash } from '../../src/features/change/declaration-hash.ts';
import {
  bool,
  defineProject,
  eventSource,
  float,
  type LabelProxy,
  model,
  proxy,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { estimateLines } from '../../src/monitoring/estimate/estimate-text.ts';
import type { WindowEstimate } from '../../src/monitoring/estimate/window-estimate.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { readDriftReport } from '../../src/server/routes/drift-report.ts';
import { asked, came, service } from '../models/small-project.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const START = Date.UTC(2026, 0, 1);
const refunds = eventSource('refunds', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), asked: text(), amount: float(), overridden: bool() },
  lateness: '2h',
});
/** A model of the small project with proxies. */
const withProxies = <N extends string>(name: N, proxies: Readonly<Record<string, LabelProxy>>) =>
  model(name, {
    task: 'binary',
    service,
    spine: { from: asked, id: 'id' },
    label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
    train: { with: { kind: 'logisticRegression', categorical: ['category'] } },
    monitors: [{ kind: 'featureDrift' }],
    proxies,
  });
const override = proxy({ from: refunds, id: 'asked', value: (e) => e.overridden, otherwise: false, within: '2h' });
const watched = withProxies('watched', {
  override,
  refund: proxy({ from: refunds, id: 'asked', value: (e) => e.amount, within: '2h' }),
});
const project = defineProject('watch', { asked, came, service, watched });
const directory = mkdtempSync(join(tmpdir(), 'headrace-proxies-'));
const random = seededRandom(9);

interface Row {
  readonly hour: number;
  readonly id: string;
  readonly good: number;
  /** Null: no event came. */
  readonly refund: number | null;
  readonly lead: number;
}

let now = START;
let headrace: Headrace;
const rows: Row[] = [];

/** An hour of requests; labels come two hours later, refunds some minutes later. */
async function hour(at: number, shift: number): Promise<void> {
  now = START + at * HOUR_MS;
  const batch = Array.from({ length: 400 }, (_, i) => {
    const number = randomNormal(random) * 4 + shift;
    const good = random() < 1 / (1 + Math.exp(-number));
    const refund = random() < 0.7 ? (good ? 0 : 10) + 5 * random() : null;
    return { id: `p${at}-${i}`, number, good, refund, lead: Math.floor(30 * random()) * MINUTE_MS };
  });
  await headrace.predictMany(
    watched,
    batch.map(({ id, number }) => ({ id, request: { name: 'n1', number, gaps: null, category: 1 } })),
  );
  for (const { id, good, refund, lead } of batch)
    rows.push({ hour: at, id, good: good ? 1 : 0, refund, lead: 2 * HOUR_MS - MINUTE_MS - lead });
  const labels = batch.map(({ id, good }) => ({ id: `came-${id}`, at: now + 2 * HOUR_MS, asked: id, good }));
  const events = batch.flatMap(({ id, good, refund, lead }) =>
    refund === null
      ? []
      : [{ id: `r-${id}`, at: now + MINUTE_MS + lead, asked: id, amount: refund, overridden: !good }],
  );
  now += 2 * HOUR_MS + MINUTE_MS;
  await headrace.ingest(refunds, events);
  // The labels of the last hour are still to come.
  if (at < 12) await headrace.ingest(came, labels);
}

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, sampleRate: 1 }, clock: () => now });
  for (let i = 0; i < 2000; i += 100) {
    now = START + i * 1000;
    const batch = Array.from({ length: 100 }, (_, j) => {
      const number = randomNormal(random) * 4;
      return { id: `t${i + j}`, at: now + j, name: 'n1', number, gaps: null, category: j % 5 };
    });
    await headrace.ingest(asked, batch);
    await headrace.ingest(
      came,
      batch.map(({ id, at, number }) => ({
        id: `c${id}`,
        at: at + 1,
        asked: id,
        good: random() < 1 / (1 + Math.exp(-number)),
      })),
    );
  }
  now = START + HOUR_MS;
  await headrace.train(watched, { to: now });
  await headrace.promote(watched, 1);
  for (let at = 2; at <= 11; at += 3) await hour(at, 0);
  await hour(14, -3);
  await headrace.flush();
}, 300_000);

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

function pearson(pairs: readonly (readonly [number, number])[]): number {
  const mean = (c: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[c], 0) / pairs.length;
  const [x, y] = [mean(0), mean(1)];
  const sum = (f: (a: number, b: number) => number) => pairs.reduce((s, [a, b]) => s + f(a - x, b - y), 0);
  return sum((a, b) => a * b) / Math.sqrt(sum((a) => a * a) * sum((_, b) => b * b));
}

async function estimateOf(from: number, to: number): Promise<WindowEstimate> {
  const query = { of: 'estimate', from: String(START + from * HOUR_MS), to: String(START + to * HOUR_MS) };
  const { body } = (await readDriftReport.run({ headrace } as never, { name: 'watched', query } as never)) as {
    body: string;
  };
  return JSON.parse(body) as WindowEstimate;
}

describe('proxies of a label', () => {
  test('correlation and lag are those of the events, and the window is measured before its labels', async () => {
    const { proxies, metrics, trust, assumptions } = await estimateOf(14, 15);
    const refund = proxies.find(({ proxy: name }) => name === 'refund');
    const labelled = rows.filter(({ hour: at }) => at < 12);
    const both = labelled.flatMap(({ good, refund: amount }) => (amount === null ? [] : [[amount, good] as const]));
    expect(refund).toMatchObject({ state: 'measured', pairs: both.length });
    expect(refund?.correlation?.value).toBeCloseTo(pearson(both), 10);
    const leads = labelled.flatMap(({ refund: amount, lead }) => (amount === null ? [] : [lead])).sort((a, b) => a - b);
    expect(refund?.lag.lead?.p50).toBe(leads[Math.floor(0.5 * (leads.length - 1))]);
    expect(refund?.lag.label?.p50).toBe(2 * HOUR_MS);
    // Fewer are good in the window, which its labels do not say yet.
    const truth = rows.filter(({ hour: at }) => at === 14).reduce((sum, { good }) => sum + good, 0) / 400;
    expect(refund?.moved).toMatchObject({ isCertain: true });
    expect(Math.abs((refund?.labelEstimate?.mean ?? 1) - truth)).toBeLessThan(0.08);
    expect(refund?.window).toMatchObject({
      predictions: 400,
      known: rows.filter(({ hour: at, refund: one }) => at === 14 && one !== null).length,
    });
    // Next to an estimate that says what it rests on.
    expect(trust.state).toBe('estimate');
    expect(metrics?.auc).toBeGreaterThan(0.5);
    expect(assumptions).toMatchObject({ calibrationRows: labelled.length, lastLabelAgeMs: now - START - 11 * HOUR_MS });
  });

  test('a declared value counts where no event came in time, and gives no lag', async () => {
    const { proxies } = await estimateOf(14, 15);
    const found = proxies.find(({ proxy: name }) => name === 'override');
    const labelled = rows.filter(({ hour: at }) => at < 12);
    expect(found?.pairs).toBe(labelled.length);
    expect(found?.correlation?.value).toBeCloseTo(
      pearson(labelled.map(({ good, refund }) => [refund !== null && good === 0 ? 1 : 0, good])),
      10,
    );
    expect(found?.correlation?.value).toBeLessThan(-0.5);
  });

  test('before any label a proxy says that it cannot be measured, and the estimate that it cannot tell', async () => {
    const found = await estimateOf(2, 3);
    expect(found).toMatchObject({ metrics: null, trust: { state: 'cannotTell' }, assumptions: { calibrationRows: 0 } });
    expect(found.proxies[0].labelEstimate).not.toBeUndefined();
    expect(estimateLines(found)[0]).toContain('cannot tell');
  });
});

test.each([
  [
    'within as late as the label',
    proxy({ from: refunds, id: 'asked', value: (e) => e.amount, within: '1d' }),
    'as late as the label',
  ],
  [
    'an id that is no text',
    proxy({ from: refunds, id: 'amount' as never, value: (e) => e.amount, within: '1h' }),
    'no text column',
  ],
  ['a value of text', proxy({ from: refunds, id: 'asked', value: (e) => e.id as never, within: '1h' }), 'of type text'],
  ['the label itself', proxy({ from: came, id: 'asked', value: (e) => e.good, within: '1h' }), 'the label itself'],
  [
    'a value of another type where none came',
    proxy({ from: refunds, id: 'asked', value: (e) => e.amount, otherwise: false, within: '1h' }),
    'another type',
  ],
  ['no duration', proxy({ from: refunds, id: 'asked', value: (e) => e.amount, within: 'soon' as never }), 'soon'],
])('%s is refused by code where it is declared', (_, bad, reason) => {
  const declare = () => withProxies('other', { bad });
  expect(declare).toThrow(expect.objectContaining({ code: 'MODEL_PROXY' }));
  expect(declare).toThrow(reason);
});

test('a proxy is a part of the declaration, whose hash stays without one', () => {
  const hash = (proxies: Readonly<Record<string, LabelProxy>>) =>
    declarationHash(defineProject('watch', { asked, came, service, one: withProxies('one', proxies) }));
  expect(withProxies('one', {})).not.toHaveProperty('proxies');
  expect(hash({ override })).not.toBe(hash({}));
});
