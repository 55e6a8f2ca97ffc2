import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import {
  batchView,
  bool,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  model,
  sql,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { joinSpine } from '../../src/featurestore/training-set/join-spine.ts';
import { writeTrainingSet } from '../../src/featurestore/training-set/training-set.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { duckEngine } from './duck-engine.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 1);
const DUE_H = 6;
const SPAN_H = 30;
const FIRST_RUN = START + 61 * HOUR_MS;
const NOW = START + 84 * HOUR_MS;
const USERS = ['ann', 'bob', 'cid'];

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '2d',
  columns: { id: text(), at: time(), user: text() },
});
const asks = eventSource('asks', {
  id: 'id',
  time: 'at',
  lateness: '7d',
  columns: { id: text(), at: time(), user: text(), other: text() },
});
const user = entity('user', { user: text() });
/** Clicks of a while, as a run at `asOf` counts them. */
const recent = batchView('recent', {
  entity: user,
  schedule: `0 */${DUE_H} * * *`,
  freshness: '2d',
  reads: { clicks },
  features: { n: int() },
  sql: ({ clicks: rows, asOf }) =>
    sql`SELECT "user", COUNT(*) AS n FROM ${rows} WHERE "at" > ${asOf} - 30 * 3600000 GROUP BY "user"`,
});
/** Fails as long as there is no click. */
const fragile = batchView('fragile', {
  entity: user,
  schedule: `0 */${DUE_H} * * *`,
  freshness: '2d',
  reads: { clicks },
  features: { n: int() },
  sql: ({ clicks: rows }) =>
    sql`SELECT "user", CASE WHEN (SELECT COUNT(*) FROM ${rows}) % 3 = 0 THEN error('three') ELSE COUNT(*) END AS n FROM ${rows} GROUP BY "user"`,
});
const service = featureService('asked', {
  request: { user: text(), other: text() },
  join: (r) => ({ own: lookup(recent, { user: r.user }), other: lookup(recent, { user: r.other }) }),
});
const breaking = featureService('breaking', {
  request: { user: text() },
  join: (r) => ({ own: lookup(fragile, { user: r.user }) }),
});
const clicked = model('clicked', {
  task: 'binary',
  service,
  spine: { from: asks, id: 'id' },
  label: {
    from: eventSource('goods', {
      id: 'id',
      time: 'at',
      columns: { id: text(), at: time(), asked: text(), good: bool() },
    }),
    id: 'asked',
    value: (e) => e.good,
    otherwise: false,
    within: '1h',
  },
  train: { with: { kind: 'logisticRegression' } },
});

interface Click {
  readonly at: number;
  readonly user: string;
  readonly ingested: number;
}

const directory = mkdtempSync(join(tmpdir(), 'headrace-past-'));
const rng = seededRandom(17);
const between = (least: number, most: number) => Math.floor(least + rng() * (most - least));
const clicksMade: readonly Click[] = Array.from({ length: 60 }, () => {
  const at = between(START, FIRST_RUN);
  return { at, user: USERS[between(0, 2)], ingested: Math.min(at + between(0, 9 * HOUR_MS), FIRST_RUN - 1) };
}).toSorted((a, b) => a.ingested - b.ingested);
const rows = Array.from({ length: 80 }, (_, i) => ({
  id: `r${i}`,
  // Some ask at the very instant of a run.
  at: i % 8 === 0 ? START + DUE_H * HOUR_MS * between(1, 12) : between(START, NOW - HOUR_MS),
  user: USERS[between(0, 3)],
  other: USERS[between(0, 3)],
}));

let now = START;
let headrace: Headrace;

beforeAll(async () => {
  const project = defineProject('past', { clicks, asks, recent, fragile, service, breaking, clicked });
  headrace = await openHeadrace({
    project,
    environment: { directory, partitions: 1, sampleRate: 1 },
    clock: () => now,
  });
  for (const [i, { at, user: who, ingested }] of clicksMade.entries()) {
    now = ingested;
    await headrace.ingest(clicks, [{ id: `c${i}`, at, user: who }]);
    if (i === 30) await headrace.vector(service, { user: 'ann', other: 'bob' });
  }
  now = FIRST_RUN;
  await headrace.backfill(recent);
  now = NOW;
  await headrace.ingest(asks, rows);
}, 120_000);

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

/** What a row was to read, by a scan: the run that was due last before the first real one, then that one. */
function expected(who: string, q: number, mode: 'corrected' | 'as-known'): number | null {
  const real = q >= FIRST_RUN;
  const asOf = real ? FIRST_RUN : START + Math.floor((q - START) / HOUR_MS / DUE_H) * DUE_H * HOUR_MS;
  const seen = clicksMade.filter(
    ({ at, user: of, ingested }) =>
      of === who && at <= asOf && at > asOf - SPAN_H * HOUR_MS && (mode === 'corrected' || ingested <= asOf),
  );
  return seen.length === 0 ? null : seen.length;
}

const wanted = (mode: 'corrected' | 'as-known') =>
  Object.fromEntries(
    rows.map(({ id, at, user: own, other }) => [id, [expected(own, at, mode), expected(other, at, mode)]]),
  );

async function found(path: string, id: string): Promise<Readonly<Record<string, unknown>>> {
  const read: [string, unknown][] = [];
  for await (const batch of headrace.history.query(`SELECT ${id}, own_n, other_n FROM '${path}'`))
    for (const [name, ...values] of batch)
      read.push([String(name), values.map((value) => (value === null ? null : Number(value)))]);
  return Object.fromEntries(read);
}

test.each(['corrected', 'as-known'] as const)(
  'a row that asked before a batch view first ran reads the run that was due, %s',
  async (mode) => {
    const ofModel = join(directory, `model-${mode}.parquet`);
    const { rows: count } = await headrace.writeTrainingSet(clicked, ofModel, { mode });
    expect(count).toBe(rows.length);
    expect(await found(ofModel, '_id')).toEqual(wanted(mode));
    const spine = join(directory, 'spine.jsonl');
    writeFileSync(spine, rows.map(({ at, ...row }) => JSON.stringify({ _at: at, ...row })).join('\n'));
    const own = join(directory, `own-${mode}.parquet`);
    await headrace.writeTrainingSet(service, own, { spine: { path: spine }, mode });
    expect(await found(own, 'id')).toEqual(wanted(mode));
    expect(readdirSync(directory).filter((name) => name.includes('generations'))).toEqual([]);
  },
  120_000,
);

test.each(['corrected', 'as-known'] as const)(
  'another engine is brought the same runs, %s',
  async (mode) => {
    const { offline } = insideOf(headrace).stores;
    const onComputeError = (_: unknown, error: unknown): never => {
      throw error;
    };
    const ofModel = join(directory, `engine-model-${mode}.parquet`);
    const between = { from: null, to: null };
    const common = { offline, engine: duckEngine(directory), mode, onComputeError };
    await writeTrainingSet({ ...common, model: clicked, between, now: NOW }, ofModel);
    expect(await found(ofModel, '_id')).toEqual(wanted(mode));
    const own = join(directory, `engine-own-${mode}.parquet`);
    await joinSpine({ ...common, now: NOW, service, spine: { path: join(directory, 'spine.jsonl') } }, own);
    expect(await found(own, 'id')).toEqual(wanted(mode));
    expect(readdirSync(directory).filter((name) => /generations|brought|answers/.test(name))).toEqual([]);
  },
  120_000,
);

test('a run of the past that fails leaves the previous generation, and says so', async () => {
  const spine = join(directory, 'fragile.jsonl');
  const asked = rows.filter(({ at }) => at < FIRST_RUN);
  writeFileSync(spine, asked.map(({ id, at, user: who }) => JSON.stringify({ _at: at, id, user: who })).join('\n'));
  const out = join(directory, 'fragile.parquet');
  const lines: string[] = [];
  await headrace.writeTrainingSet(breaking, out, { spine: { path: spine }, onLine: (line) => lines.push(line) });
  const asOfs = Array.from({ length: 11 }, (_, i) => START + i * DUE_H * HOUR_MS);
  const upTo = (asOf: number) => clicksMade.filter(({ at }) => at <= asOf);
  const fails = (asOf: number) => upTo(asOf).length > 0 && upTo(asOf).length % 3 === 0;
  expect(asOfs.some(fails)).toBe(true);
  const answers: [string, number | null][] = [];
  for await (const batch of headrace.history.query(`SELECT id, own_n FROM '${out}'`))
    for (const [id, n] of batch) answers.push([String(id), n === null ? null : Number(n)]);
  for (const { id, at, user: who } of asked) {
    const good = asOfs.filter((asOf) => asOf <= at && !fails(asOf)).at(-1) ?? START;
    const n = upTo(good).filter((click) => click.user === who).length;
    expect([id, new Map(answers).get(id)]).toEqual([id, n === 0 ? null : n]);
  }
  expect(lines).toContainEqual(expect.stringMatching(/^warning: batch view "fragile" fails as of 2026-/));
  expect(lines).toContainEqual(
    expect.stringMatching(/^warning: batch view "fragile" has not run yet: requests get nulls/),
  );
}, 120_000);

test('what was served before the first run stays what was served: the audit finds no fault', async () => {
  const { vectors, mismatches } = await headrace.auditSkew(service, START, NOW);
  expect(vectors).toBe(1);
  expect(mismatches).toEqual({ lateness: 0, staleness: 0, logic: 0 });
});
