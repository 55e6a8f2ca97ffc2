import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseValue } from '../../src/cli/options/option.ts';
import { instant } from '../../src/cli/options/option-kinds.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  list,
  lookup,
  nullable,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { trainingSpan } from '../../src/featurestore/training-set/training-span.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { unitFault, wrongUnitOf, wrongUnitSql } from '../../src/schema/instant.ts';
import { stringifyExact } from '../../src/schema/json-exact.ts';
import { featureAnswer } from '../../src/server/feature-answer.ts';
import { small } from '../models/small-project.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 2, 1, 10, 20, 30, 456);

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), due: nullable(time()) },
});
const view = streamView('view', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  freshness: '1s',
  windows: ['ever'],
  features: () => ({ n: count() }),
});
const visitor = featureService('visitor', {
  request: {
    user: text(),
    due: nullable(time()),
    born: nullable(time({ range: [-2e12, 2e12] })),
    past: nullable(list(time())),
  },
  join: (r) => ({ view: lookup(view, { user: r.user }) }),
});
const project = defineProject('site', { clicks, visitor });

let directory: string;
let headrace: Headrace;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'headrace-instants-'));
  headrace = await openHeadrace({ project, environment: { directory }, clock: () => NOW });
});
afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Instants of our time, as they are sent by mistake. */
const UNITS = [
  ['seconds', Math.floor(NOW / 1_000)],
  ['seconds', Math.floor(NOW / 1_000) + 0.25],
  ['seconds', Math.floor(Date.UTC(2001, 1, 3, 4, 5, 6) / 1_000)],
  ['microseconds', NOW * 1_000],
  ['nanoseconds', BigInt(NOW) * 1_000_000n],
] as const;

const OTHERS = [2 ** 53 - 1, -(2 ** 53) + 1, -1e15, 0.5 + NOW, 'noon', null, [], {}, true] as const;

type Door = (found: unknown) => unknown;

const body = (found: unknown, request: object = { user: 'ann' }) => stringifyExact({ request, at: found });
const answer = (text: string) => featureAnswer(headrace, visitor, text, null);
const read = (columns: object) => headrace.vector(headrace.project.services[0], { user: 'ann', ...columns });
const asNumber = (found: unknown) => (typeof found === 'bigint' ? Number(found) : found) as number;

async function spine(name: string, content: string): Promise<unknown> {
  const path = join(directory, name);
  writeFileSync(path, content);
  return headrace.writeTrainingSet(visitor, join(directory, 'set.parquet'), { spine: { path } });
}

const cell = (found: unknown) => (typeof found === 'object' ? stringifyExact(found) : String(found));
const jsonRow = (row: object) => stringifyExact({ _at: NOW, user: 'ann', due: null, born: null, past: null, ...row });
const csvSpine = (at: string, due: string) => spine('rows.csv', `_at,user,due,born,past\n${at},ann,${due},,\n`);
const parquetSpine = async (at: string, due = 'NULL') => {
  const path = join(directory, 'rows.parquet');
  const { offline } = insideOf(headrace).stores;
  const columns = `${at} AS _at, 'ann' AS "user", ${due} AS due, NULL::BIGINT AS born, NULL::BIGINT[] AS past`;
  await offline.exportParquet(`SELECT ${columns}`, path);
  return headrace.writeTrainingSet(visitor, join(directory, 'set.parquet'), { spine: { path } });
};

/** Every way in for an instant that somebody asks for. */
const ASKED: Readonly<Record<string, Door>> = {
  'at of a vector': (found) => headrace.vector(headrace.project.services[0], { user: 'ann' }, asNumber(found)),
  'at of a vector as text': (found) => headrace.vectorText(visitor, { user: 'ann' }, asNumber(found)),
  'at of a read': (found) => headrace.read(visitor, { user: 'ann' }, asNumber(found)),
  'at of a route': (found) => answer(body(found)),
  '--at of a command': (found) => parseValue('at', instant, cell(found)),
  'from of a training': (found) => trainingSpan(small, { from: asNumber(found) }, NOW),
  'to of a training': (found) => trainingSpan(small, { to: asNumber(found) }, NOW),
  'from of a backfill': (found) => headrace.backfill(view, { from: asNumber(found), to: null }),
  'to of an audit': (found) => headrace.auditSkew(visitor, 0, asNumber(found)),
  'from of a report': (found) => headrace.featuresReport(asNumber(found), NOW),
  '_at of a CSV spine': (found) => csvSpine(`"${cell(found).replaceAll('"', '""')}"`, ''),
  '_at of a JSON spine': (found) => spine('rows.jsonl', jsonRow({ _at: found })),
  '_at of a Parquet spine': (found) =>
    parquetSpine(
      typeof found === 'number' ? `${found}::DOUBLE` : typeof found === 'bigint' ? String(found) : `'${cell(found)}'`,
    ),
};

/** Every way in for a column of instants. */
const COLUMNS: Readonly<Record<string, Door>> = {
  'a column of a request': (found) => read({ due: found }),
  'a list of a request': (found) => read({ past: [NOW, found] }),
  'a column of a route': (found) => answer(stringifyExact({ request: { user: 'ann', due: found } })),
  'a column of an event': (found) => ingested({ due: found }),
  'a column of a CSV spine': (found) => csvSpine(String(NOW), cell(found)),
  'a column of a JSON spine': (found) => spine('rows.jsonl', jsonRow({ due: found })),
  'a column of a Parquet spine': (found) => parquetSpine(`${NOW}`, cell(found)),
};

async function ingested(columns: object): Promise<void> {
  const event = { id: 'a', at: NOW, user: 'ann', ...columns };
  const { refused } = await headrace.ingest(headrace.source('clicks'), [event]);
  for (const { error } of refused) throw error;
}

const codeOf = async (door: Door, found: unknown) => {
  try {
    await door(found);
    return 'answered';
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
};

describe.each(Object.entries({ ...ASKED, ...COLUMNS }))('%s', (name, door) => {
  test.each(UNITS)('refuses %s: %d', async (unit, found) => {
    // A column that may hold fractions of the same unit is no instant of a parser of whole numbers.
    if (typeof found === 'number' && !Number.isInteger(found) && /spine|command/.test(name)) return;
    await expect((async () => door(found))()).rejects.toMatchObject({ code: 'INSTANT_UNIT', facts: { unit } });
  });

  test('answers milliseconds', async () => {
    const all = [NOW, Date.UTC(1970, 0, 15), NOW - 1, NOW + DAY, Date.UTC(1999, 0, 1), 0, -1];
    for (const found of all.slice(0, /spine/.test(name) ? 2 : all.length))
      if (!/ of an? (training|report|audit|backfill)/.test(name)) expect(await codeOf(door, found)).toBe('answered');
  });
});

test.each(Object.entries(ASKED))(
  '%s is refused where it is no instant at all, or none that can be',
  async (name, door) => {
    const spineCode = /spine/.test(name);
    for (const found of OTHERS) {
      if (found === null && /training|backfill|audit|report|command/.test(name)) continue;
      const code = await codeOf(door, found);
      expect([found, String(code)]).toEqual([
        found,
        expect.stringMatching(spineCode ? /^(SPINE|INSTANT)_/ : /^(INSTANT_VALUE|CLI_VALUE)$/),
      ]);
    }
    if (!spineCode) expect(String(await codeOf(door, Number.NaN))).toMatch(/^(INSTANT_VALUE|CLI_VALUE)$/);
    for (const late of [Date.UTC(2040, 0, 1), 4e12]) expect(await codeOf(door, late)).toBe('INSTANT_VALUE');
  },
);

test('a date of an object is no number', async () => {
  const at = new Date(NOW) as unknown as number;
  expect(await codeOf(ASKED['at of a vector'], at)).toBe('INSTANT_VALUE');
  expect(await codeOf(COLUMNS['a column of a request'], at)).toBe('REQUEST_TYPE');
});

test('the time of an event has codes of its own: its id stays free', async () => {
  for (const [unit, found] of UNITS.filter(([, value]) => Number.isInteger(Number(value))))
    await expect(ingested({ id: 'e', at: found })).rejects.toMatchObject({ code: 'EVENT_TIME_UNIT', facts: { unit } });
  expect(await codeOf((at) => ingested({ id: 'e', at }), 2 ** 53 - 1)).toBe('EVENT_TIME');
});

test('a timestamp says its own unit, and a declared range what a column means', async () => {
  const early = Date.UTC(1970, 0, 20, 3, 4, 5);
  expect(await codeOf(ASKED['at of a read'], early)).toBe('INSTANT_UNIT');
  expect(await codeOf(() => parquetSpine("TIMESTAMP '1970-01-20 03:04:05'"), null)).toBe('answered');
  expect(await codeOf(() => csvSpine('1970-01-20T03:04:05Z', '1970-01-20 03:04:05'), null)).toBe('answered');
  expect(await codeOf(() => read({ born: early }), null)).toBe('answered');
  expect(await codeOf(() => read({ due: early }), null)).toBe('INSTANT_UNIT');
});

test('SQL refuses the numbers that the reader refuses', async () => {
  const { offline } = insideOf(headrace).stores;
  const values = fc.sample(
    fc.oneof(
      fc.integer({ min: 1e8, max: 3e9 }),
      fc.integer({ min: 1e14, max: 8.64e15 }),
      fc.integer({ min: -4_000, max: 40_000 }).map((days) => days * DAY),
      fc.constantFrom(4e8, 4e8 - 1, Math.floor((NOW + 3_660 * DAY) / 1_000), Math.ceil((NOW + 3_660 * DAY) / 1_000)),
    ),
    { numRuns: 600, seed: 1 },
  );
  for (const spec of [{}, { range: [0, 5e8] as const }]) {
    const sql = `SELECT v, ${wrongUnitSql('v', NOW, spec)} FROM (VALUES ${values.map((v) => `(${v}::BIGINT)`).join(', ')}) AS t(v)`;
    for await (const rows of offline.query(sql))
      for (const [value, refused] of rows)
        expect([value, refused]).toEqual([value, wrongUnitOf(Number(value), NOW, spec) !== null]);
  }
  expect(unitFault({ where: 'a', column: 'b' }, NOW, NOW)).toBeNull();
});
