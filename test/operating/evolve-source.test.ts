import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { declarationDocument } from '../../src/features/change/declaration-document.ts';
import { planChanges } from '../../src/features/change/plan-changes.ts';
import { planText } from '../../src/features/change/plan-text.ts';
import { defineProject, eventSource, int, nullable, text, time } from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { firstShop, secondShop } from './evolving-shop.ts';

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1, 12);

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-evolve-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const open = (project: Parameters<typeof openHeadrace>[0]['project'], directory: string, now: number) =>
  openHeadrace({ project, environment: { directory, partitions: 2, sampleRate: 1 }, clock: () => now });

/** Writes under the first columns, then under the second, into one directory. */
async function writtenUnderBoth(): Promise<{ readonly directory: string; readonly now: number }> {
  const directory = newDirectory();
  const { project, clicks, seen } = firstShop();
  const before = await open(project, directory, START);
  const one = (id: string, at: number, user: string) => ({
    id,
    at,
    user,
    amount: 2 ** 53 - 1,
    weight: 3,
    page: `p-${id}`,
  });
  await before.ingest(
    clicks,
    ['a', 'b', 'c'].map((id, i) => one(id, START - 1_000 * (3 - i), i === 2 ? 'bob' : 'ann')),
  );
  await before.vector(seen, { user: 'ann' });
  await before.close();
  const later = secondShop();
  const now = START + HOUR / 2;
  const after = await open(later.project, directory, now);
  const next = { at: now - 1_000, user: 'ann', amount: 5n, weight: 3.5, page: 'q', old: null };
  const report = await after.ingest(later.clicks, [
    { ...next, id: 'd', country: 'NZ' },
    { ...next, id: 'e', country: null, user: 'bob' },
  ]);
  expect(report).toMatchObject({ accepted: 2, refused: [] });
  await after.close();
  return { directory, now };
}

const expected = {
  by_clicks_1h: 3,
  by_page_1d: 'q',
  more_amount_1h: 2n * (2n ** 53n - 1n) + 5n,
  more_heaviest_1h: 3.5,
  more_country_1d: 'NZ',
};

test('data written under the columns before are read under the present ones: online, offline, and from the log alone', async () => {
  const { directory, now } = await writtenUnderBoth();
  const { project, wide, more } = secondShop();
  const check = async () => {
    const headrace = await open(project, directory, now);
    expect((await headrace.vector(wide, { user: 'ann' })).features).toMatchObject(expected);
    expect((await headrace.vector(wide, { user: 'bob' })).features).toMatchObject({
      by_clicks_1h: 2,
      more_country_1d: null,
    });
    await headrace.flush();
    const relation = headrace.deliveries(headrace.source('clicks'));
    const rows = [];
    for await (const batch of headrace.history.query(
      `SELECT id, amount, weight, country, old FROM ${relation} ORDER BY id`,
    ))
      rows.push(...batch);
    expect(rows).toEqual([
      ['a', 2n ** 53n - 1n, 3, null, null],
      ['b', 2n ** 53n - 1n, 3, null, null],
      ['c', 2n ** 53n - 1n, 3, null, null],
      ['d', 5n, 3.5, 'NZ', null],
      ['e', 5n, 3.5, null, null],
    ]);
    await headrace.backfill(more);
    expect((await headrace.vector(wide, { user: 'ann' })).features).toMatchObject(expected);
    await headrace.close();
  };
  await check();
  for (const store of ['online', 'offline']) rmSync(join(directory, store), { recursive: true });
  await check();
});

test('files of both columns are merged into one of the present ones', async () => {
  const { directory, now } = await writtenUnderBoth();
  const headrace = await open(secondShop().project, directory, now);
  const table = () => headrace.history.tables().find(({ table: { name } }) => name === 'events/clicks@1');
  expect(table()?.files).toHaveLength(2);
  await insideOf(headrace).stores.offline.compact('events/clicks@1');
  expect(table()).toMatchObject({ rows: 5, files: { length: 1 } });
  await headrace.close();
});

test('a training set over both has the values that were served, and the skew audit finds nothing in logic', async () => {
  const { directory, now } = await writtenUnderBoth();
  const { project, heavy, wide, seen } = secondShop();
  const headrace = await open(project, directory, now + HOUR);
  await headrace.vector(wide, { user: 'ann' }, now);
  const path = join(directory, 'set.parquet');
  expect(await headrace.writeTrainingSet(heavy, path, { to: now + HOUR })).toMatchObject({ rows: 5, unlabelled: 0 });
  const rows = [];
  const sql = `SELECT _id, by_clicks_1h, more_amount_1h, more_country_1d, _label FROM read_parquet('${path}') ORDER BY _id`;
  for await (const batch of headrace.history.query(sql)) rows.push(...batch);
  expect(rows).toEqual([
    ['a', 0n, null, null, 3],
    ['b', 1n, 2n ** 53n - 1n, null, 3],
    ['c', 0n, null, null, 3],
    ['d', 2n, 2n * (2n ** 53n - 1n), null, 3.5],
    ['e', 1n, 2n ** 53n - 1n, null, 3.5],
  ]);
  for (const service of [wide, seen]) {
    const report = await headrace.auditSkew(service, START - HOUR, now + 2 * HOUR);
    expect(report).toMatchObject({ vectors: 1, mismatches: { logic: 0, staleness: 0 } });
  }
  await headrace.close();
});

test('the plan names each step, and the alternatives to a refused one', () => {
  const [before, after] = [firstShop().project, secondShop().project].map((project) => declarationDocument(project));
  const text = planText(planChanges(before, after));
  expect(text).toContain('  ~ source clicks@1: country (text?) comes; rows before have null\n');
  expect(text).toContain('  ~ source clicks@1: weight was int, is float; every value stays the same\n');
  expect(text).toContain('  ~ source clicks@1: its columns stand in another order\n');
  expect(text).not.toContain('!');
  const back = planText(planChanges(after, before));
  expect(back).toContain('  ! source clicks@1: columns.country is gone: text?\n');
  expect(back).toContain('or keep the column as deprecated(…), or give it version 2\n');
});

const columns = { id: text(), at: time(), n: int(), note: text() };
const declared = (more: object) =>
  defineProject('one', { s: eventSource('s', { id: 'id', time: 'at', columns: more as typeof columns }) });
const { note: _, ...withoutNote } = columns;

test.each([
  ['a column that rows before have not and must have', { ...columns, more: int() }],
  ['a column gone', withoutNote],
  ['another type', { ...columns, n: text() }],
])('%s is refused under one version, and nothing is changed', async (_, after) => {
  const directory = newDirectory();
  await (await open(declared(columns), directory, START)).close();
  await expect(open(declared(after), directory, START)).rejects.toMatchObject({ code: 'DECLARATION_MEANING' });
  await (await open(declared(columns), directory, START)).close();
});

test('what once may be null stays so', async () => {
  const directory = newDirectory();
  await (await open(declared({ ...columns, n: nullable(int()) }), directory, START)).close();
  await expect(open(declared(columns), directory, START)).rejects.toMatchObject({ code: 'DECLARATION_MEANING' });
});
