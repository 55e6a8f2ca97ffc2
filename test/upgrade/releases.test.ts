import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { readKeys } from '../../src/operating/api-keys.ts';
import { audited } from '../../src/operating/audit-log.ts';
import { restore } from '../../src/operating/restore.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';
import { parseResult } from '../../src/training/job/parse-result.ts';
import type { TrainingJob } from '../../src/training/job/training-job.ts';
import { durableFormats, otherFiles } from './durable-formats.ts';
import {
  byPair,
  byUser,
  FORGOTTEN,
  ITEMS,
  onStock,
  project,
  purchase,
  purchases,
  risk,
  shopper,
  stock,
  USERS,
  usual,
  WRITTEN,
} from './release-0.1.ts';
import type { Told } from './write-release.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/release-0.1', import.meta.url));
const told = JSON.parse(readFileSync(join(FIXTURE, 'told.json'), 'utf8')) as Told;

/** The data of the fixture as an environment has them. */
async function restored(): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'headrace-upgrade-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const directory = join(root, 'data');
  await restore(join(FIXTURE, 'backup'), directory);
  cpSync(join(FIXTURE, 'beside'), directory, { recursive: true });
  return directory;
}

let now = told.at;
const open = (directory: string) =>
  openHeadrace({ project, environment: { directory, partitions: 2, sampleRate: 1 }, clock: () => now });

async function rowsOf(headrace: Headrace, sql: string): Promise<readonly (readonly unknown[])[]> {
  const rows: (readonly unknown[])[] = [];
  for await (const some of headrace.history.query(sql)) rows.push(...some);
  return rows;
}

/** What is served to everyone now, against a scan of the deliveries that the history has, in log order. */
async function checkAnswers(headrace: Headrace): Promise<void> {
  await headrace.flush();
  for (const [alias, view, keyOf] of [
    ['own', byUser, (user: string) => [user]],
    ['pair', byPair, (user: string, item: string) => [user, item]],
    ['stock', onStock, (_: string, item: string) => [item]],
  ] as const) {
    const { source } = view;
    const names = Object.keys(source.columns);
    const deliveries: Delivery[] = (
      await rowsOf(
        headrace,
        `SELECT ${names.map((name) => `"${name}"`).join(', ')}, _ingest_ts FROM ${headrace.history.relation(rawTable(source))}
ORDER BY _partition, _offset`,
      )
    ).map((row) => {
      const values = names.map((name, i) => declared(source.columns[name]?.type ?? '', row[i]));
      return {
        id: String(values[names.indexOf(source.id)]),
        ts: Number(values[names.indexOf(source.time)]),
        ingestTs: Number(row[names.length]),
        row: values,
      } as Delivery;
    });
    const accepted = acceptedDeliveries(view, deliveries);
    const { encode } = entityKeyCodec(view.entity.key);
    for (const user of USERS)
      for (const item of ITEMS) {
        const { values } = await insideOf(headrace).features.read(shopper, { user, item }, now);
        const of = shopper.features.map(({ name }, i) => [name, values[i]] as const);
        const key = encode(keyOf(user, item)) ?? '';
        expect(
          of.filter(([name]) => name.startsWith(`${alias}_`)).map(([, value]) => value),
          `${alias} of ${user}, ${item}`,
        ).toEqual(naiveAnswers(view, accepted, key, now));
      }
  }
}

function declared(type: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  return type === 'int64' || type === 'decimal' ? value : Number(value);
}

test('data of release 0.1 open, answer as they did and as a scan of their events, and are written on', async () => {
  const directory = await restored();
  let headrace = await open(directory);
  for (const { user, item, text } of told.vectors) {
    const answered = JSON.parse(await headrace.vectorText(shopper, { user, item }, told.at));
    expect(answered.features, `${user}, ${item}`).toEqual(JSON.parse(text).features);
  }
  for (const [i, { user, score }] of told.scores.entries()) {
    const again = await headrace.predict(risk, `again${i}`, { user, cents: 500 }, { at: told.at });
    expect(again.score).toBeCloseTo(score, 6);
  }
  await checkAnswers(headrace);
  now = told.at + 1_200_000;
  const later = Array.from({ length: 40 }, (_, n) => purchase(200 + n, now));
  // The last is known already, to the release that wrote it.
  await headrace.ingest(purchases, [...later, purchase(125, told.at)]);
  await headrace.ingest(stock, [
    { change: 'd1', changed: now - 1_000, row: 'row9', placed: now - 5_000, gone: false, item: 'x', pieces: 4 },
  ]);
  expect(headrace.counters(purchases).admission).toMatchObject({ accepted: 40, duplicate: 1 });
  await headrace.backfill(usual);
  await headrace.close();
  headrace = await open(directory);
  await checkAnswers(headrace);
  await headrace.close();
});

test('what release 0.1 kept next to its events is read: model versions, predictions, served vectors, refusals, keys, the audit log, training runs, what was being forgotten', async () => {
  const directory = await restored();
  now = told.at;
  const headrace = await open(directory);
  const { versions, champion } = await headrace.versions(risk);
  expect([versions.map(({ version }) => version), champion]).toEqual([[1], 1]);
  const quality = await headrace.realisedQuality(risk, WRITTEN, told.at + 1);
  expect(quality).toBeDefined();
  const predictions = await rowsOf(
    headrace,
    `SELECT id, score FROM ${tableOf(headrace, 'predictions/risk')} ORDER BY id`,
  );
  expect(predictions).toEqual(told.scores.map(({ score }, i) => [`p${i}`, score]));
  const audit = await headrace.auditSkew(shopper, WRITTEN, told.at + 1);
  expect(audit.vectors).toBe(told.vectors.length);
  expect(audit.mismatches).toEqual({ lateness: 0, staleness: 0, logic: 0 });
  const { sources } = await headrace.featuresReport(WRITTEN, told.at + 1);
  const refused = sources.find(({ source }) => source === 'purchases')?.quarantined ?? [];
  expect(refused.map(({ code }) => code).sort()).toEqual(['EVENT_FUTURE', 'EVENT_TYPE']);
  expect(headrace.status().disk.todayRecords).toBeGreaterThan(200);
  expect(readKeys(directory)).toMatchObject([{ ...told.apiKey, scopes: ['read'], revokedAt: null }]);
  await audited(
    directory,
    { who: 'user ops', what: 'backup', target: 'x' },
    () => now,
    () => undefined,
  );
  const lines = readFileSync(join(directory, 'audit.jsonl'), 'utf8').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).what)).toEqual(['keys create', 'backup']);
  const [run] = readdirSync(join(directory, 'runs'));
  const ofRun = (name: string) => readFileSync(join(directory, 'runs', run, name), 'utf8');
  expect(parseResult(ofRun('result.json'), JSON.parse(ofRun('job.json')) as TrainingJob)).toMatchObject({ format: 1 });
  expect(readdirSync(join(directory, 'forgetting'))).toEqual([]);
  const relation = headrace.history.relation(rawTable(purchases));
  expect(await rowsOf(headrace, `SELECT COUNT(*) FROM ${relation} WHERE "user" = '${FORGOTTEN}'`)).toEqual([[0n]]);
  await headrace.flush();
  await headrace.close();
  const unknown = filesBelow(directory).filter(
    (path) => ![...durableFormats.map(({ files }) => files), ...otherFiles].some((files) => files?.test(path) === true),
  );
  expect(unknown, 'files of a format that test/upgrade/durable-formats.ts does not list').toEqual([]);
  for (const { name, files } of durableFormats) {
    if (files === null) continue;
    const there = [...filesBelow(join(FIXTURE, 'backup')), ...filesBelow(join(FIXTURE, 'beside'))];
    expect(there.filter((path) => files.test(path)).length, `${name} is in the fixture`).toBeGreaterThan(0);
  }
});

function tableOf(headrace: Headrace, name: string): string {
  const stored = headrace.history.tables().find(({ table }) => table.name === name);
  if (stored === undefined) throw new Error(`no table ${name}`);
  return headrace.history.relation(stored.table);
}

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}
