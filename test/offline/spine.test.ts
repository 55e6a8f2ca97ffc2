import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomBelow, seededRandom } from '../../src/base/rng.ts';
import {
  apply,
  count,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  int,
  last,
  lookup,
  max,
  nullable,
  onDemandView,
  orElse,
  over,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { joinSpine } from '../../src/featurestore/training-set/join-spine.ts';
import type { SpineOptions } from '../../src/featurestore/training-set/spine.ts';
import { spineValueSql } from '../../src/featurestore/training-set/spine-value.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import type { ColumnSpec } from '../../src/schema/column.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 2, 1);
const YEAR = 365 * 86_400_000;

const purchases = eventSource('purchases', {
  id: 'line',
  time: 'at',
  columns: { line: text(), at: time(), user: text(), price: decimal(2), item: text() },
});
const user = entity('user', { user: text() });
const spend = streamView('spend', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: ({ price, item }) => ({
    n: count(),
    spent: sum(price),
    top: max(price),
    at_last: over(['ever'], last(item)),
  }),
});
const favourites = streamView('favourites', {
  source: purchases,
  entity: user,
  key: { user: 'user' },
  windows: ['1d'],
  freshness: '1s',
  features: ({ item }) => ({ items: topK(item, 2) }),
});
const doubled = onDemandView('doubled', {
  inputs: { n: int(), basket: float() },
  features: { value: float() },
  compute: ({ n, basket }) => ({ value: n * 2 + basket }),
});
/** Answered by SQL alone. */
const plain = featureService('plain', {
  request: { user: nullable(text()) },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
});
/** With a list, a function and a value of the request. */
const rich = featureService('rich', {
  request: { user: text(), basket: float() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }, ['n_1h']), liked: lookup(favourites, { user: r.user }) }),
  compute: (r, f) => ({ basket: r.basket, doubled: apply(doubled, { n: orElse(f.spend.n_1h, 0), basket: r.basket }) }),
});

const directory = mkdtempSync(join(tmpdir(), 'spine-'));
const deliveries: Delivery[] = [];
let now = START;
let headrace: Headrace;
let server: RunningServer;

beforeAll(async () => {
  headrace = await openHeadrace({
    project: defineProject('shop', { plain, rich }),
    environment: { directory: join(directory, 'store') },
    clock: () => now,
    onFault: (error) => {
      throw error;
    },
  });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 1_000 });
  const random = seededRandom(11);
  for (let i = 0; i < 400; i += 1) {
    now += randomBelow(random, 20 * MINUTE);
    // Some are too late to count, some count only where it is not asked what was known.
    const at = now - randomBelow(random, 80 * MINUTE);
    const [user, price, item] = [USERS[i % 4], randomBelow(random, 9_000), `item ${randomBelow(random, 5)}`];
    const event = { line: `l${i}`, at, user, price: price / 100, item };
    expect((await headrace.ingest(headrace.source('purchases'), [event])).refused).toEqual([]);
    deliveries.push({ id: event.line, ts: at, ingestTs: now, row: [event.line, at, user, BigInt(price), item] });
  }
});

afterAll(async () => {
  await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

const USERS = ['007', 'b,"ob', '', 'ünï'];

/** Rows in no order of time, with ties, duplicates, an unknown user, nobody, and an instant before all events. */
const ROWS = Array.from({ length: 60 }, (_, i) => ({
  customer: i % 7 === 6 ? null : [...USERS, 'nobody'][i % 5],
  when: START + ((i * 37) % 20) * 200 * MINUTE,
  label: i % 3,
  note: i % 2 === 0 ? '0012' : 'x',
})).concat([{ customer: '007', when: START - 2 * YEAR, label: 1, note: 'early' }]);

function write(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const csvText = (rows: readonly Readonly<Record<string, unknown>>[]) => {
  const cell = (value: unknown) =>
    value === null ? '' : /[",]|^$/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
  return `${Object.keys(rows[0]).join(',')}\n${rows.map((row) => Object.values(row).map(cell).join(',')).join('\n')}\n`;
};
const linesText = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

async function parquetOf(name: string, jsonl: string, select: string): Promise<string> {
  const path = join(directory, name);
  await insideOf(headrace).stores.offline.exportParquet(
    `SELECT ${select} FROM read_json('${jsonl}', format = 'newline_delimited')`,
    path,
  );
  return path;
}

async function table(path: string): Promise<{ columns: readonly string[]; rows: readonly (readonly unknown[])[] }> {
  const read = async (sql: string) => {
    const rows: (readonly unknown[])[] = [];
    for await (const batch of headrace.history.query(sql)) rows.push(...batch);
    return rows;
  };
  const described = await read(`DESCRIBE SELECT * FROM read_parquet('${path}')`);
  return {
    columns: described.map(([name, type]) => `${String(name)} ${String(type)}`),
    rows: await read(`FROM read_parquet('${path}')`),
  };
}

const spineOf = (path: string): SpineOptions => ({ path, time: 'when', columns: { user: 'customer' } });

test('a spine in any format keeps its rows, columns and order, and gets what a scan of the events gives', async () => {
  const jsonl = write('rows.jsonl', linesText(ROWS));
  const csv = csvText(ROWS);
  const paths = [
    jsonl,
    write('rows.csv', csv),
    write('rows.csv.gz', gzipSync(csv)),
    await parquetOf(
      'rows.parquet',
      jsonl,
      'customer, EPOCH_MS("when") AS "when", CAST(label AS TINYINT) AS label, note',
    ),
  ];
  const accepted = acceptedDeliveries(spend, deliveries);
  expect(accepted.length).toBeLessThan(deliveries.length);
  for (const mode of ['corrected', 'as-known'] as const) {
    const wanted = ROWS.map(({ customer, when }) => {
      if (customer === null) return spend.features.map(() => null);
      const known = mode === 'as-known' ? when : undefined;
      return naiveAnswers(spend, accepted, customer, when, known).map(outside);
    });
    for (const path of paths) {
      const out = join(directory, 'out.parquet');
      const written = await headrace.writeTrainingSet(plain, out, { spine: spineOf(path), mode });
      expect(written).toEqual({ path: out, rows: 61, nullKeys: 8, cuts: 0 });
      const { rows } = await table(out);
      expect(rows.map((row) => row.slice(4).map(plainNumber))).toEqual(wanted);
      const own = rows.map(([customer, when, label, note]) => [customer, instant(when), Number(label), note]);
      expect(own).toEqual(ROWS.map(({ customer, when, label, note }) => [customer, when, label, note]));
    }
  }
});

test('a spine that is joined in slices gives the rows of one that is joined at once', async () => {
  const spine = spineOf(write('sliced.csv', csvText(ROWS)));
  const out = join(directory, 'sliced.parquet');
  for (const mode of ['corrected', 'as-known'] as const) {
    await headrace.writeTrainingSet(plain, out, { spine, mode });
    const whole = await table(out);
    const { offline } = insideOf(headrace).stores;
    const options = {
      service: plain,
      offline,
      engine: null,
      spine,
      mode,
      now,
      sliceRows: 7,
      onComputeError: () => undefined,
    };
    expect(await joinSpine(options, out)).toEqual({ path: out, rows: 61, nullKeys: 8, cuts: 0 });
    expect(await table(out)).toEqual(whole);
  }
  expect(readdirSync(directory).filter((name) => /^sliced\.parquet\./.test(name))).toEqual([]);
});

const outside = (value: unknown) => (typeof value === 'bigint' ? Number(value) / 100 : value);
const plainNumber = (value: unknown) => (typeof value === 'bigint' ? Number(value) : value);
const instant = (value: unknown) =>
  typeof value === 'string' ? Date.parse(`${value.replace(' ', 'T')}Z`) : Number(value);

test('functions, lists and values of the request stand next to the rows as they were served', async () => {
  const rows = [3, 1, 2].map((i) => ({ user: USERS[0], _at: now + i, basket: i / 2, label: `l${i}` }));
  const out = join(directory, 'rich.parquet');
  await headrace.writeTrainingSet(rich, out, { spine: { path: write('rich.csv', csvText(rows)) }, mode: 'as-known' });
  const found = await table(out);
  expect(found.columns).toEqual([
    'user VARCHAR',
    '_at BIGINT',
    'label VARCHAR',
    'spend_n_1h BIGINT',
    'liked_items_1d VARCHAR[]',
    'basket DOUBLE',
    'doubled_value DOUBLE',
  ]);
  for (const [i, { user, _at, basket, label }] of rows.entries()) {
    const { features } = await headrace.vector(rich, { user, basket }, _at);
    const [liked, n] = [features.liked_items_1d, features.spend_n_1h];
    expect(found.rows[i].map(plainNumber)).toEqual([user, _at, label, n, liked, basket, features.doubled_value]);
  }
});

test('text of a CSV file is a number only where the whole column is written as numbers', async () => {
  const rows = ['1', '-20', '3'].map((whole, i) => ({
    customer: USERS[0],
    when: START,
    whole,
    half: ['1.5', '2', '1e3'][i],
    padded: ['1', '02', '3'][i],
    yes: ['true', 'false', 'true'][i],
  }));
  const out = join(directory, 'typed.parquet');
  await headrace.writeTrainingSet(plain, out, { spine: spineOf(write('typed.csv', csvText(rows))) });
  const { columns } = await table(out);
  expect(columns.slice(2, 6)).toEqual(['whole BIGINT', 'half DOUBLE', 'padded VARCHAR', 'yes BOOLEAN']);
});

const ONE = { customer: 'ann', when: '2026-03-01T12:00:00+02:00', label: 1 };

const bool = { type: 'bool', nullable: true } as const;
const whole = { type: 'int', nullable: true } as const;
const wide = { type: 'int64', nullable: true } as const;
const cents = { type: 'decimal', scale: 2, nullable: true } as const;
const real = { type: 'float', nullable: true } as const;
const instantSpec = { type: 'time', nullable: true } as const;
const vector = { type: 'list', element: 'float', nullable: true } as const;
const pair = { type: 'embedding', length: 2, nullable: true } as const;

test.each<readonly [string, string, ColumnSpec, unknown]>([
  ["'2026-03-01T12:00:00+02:00'", 'VARCHAR', instantSpec, BigInt(Date.UTC(2026, 2, 1, 10))],
  ["'2026-03-01 10:00:00.123999'", 'VARCHAR', instantSpec, BigInt(Date.UTC(2026, 2, 1, 10, 0, 0, 123))],
  ["'1969-12-31T23:59:59.9999Z'", 'VARCHAR', instantSpec, -1n],
  ["'2026-03-01'", 'VARCHAR', instantSpec, BigInt(Date.UTC(2026, 2, 1))],
  ["'1772359200000'", 'VARCHAR', instantSpec, 1_772_359_200_000n],
  ["'2026-02-30'", 'VARCHAR', instantSpec, null],
  ["'12:00'", 'VARCHAR', instantSpec, null],
  ["TIMESTAMP '1969-12-31 23:59:59.9999'", 'TIMESTAMP', instantSpec, -1n],
  ["DATE '1970-01-02'", 'DATE', instantSpec, 86_400_000n],
  ["'9007199254740993'", 'VARCHAR', whole, null],
  ["'9007199254740993'", 'VARCHAR', wide, 9_007_199_254_740_993n],
  ["'17850.0'", 'VARCHAR', whole, 17_850n],
  ["'1.5'", 'VARCHAR', whole, null],
  ['CAST(3 AS DOUBLE)', 'DOUBLE', whole, 3n],
  ['CAST(3.5 AS DOUBLE)', 'DOUBLE', whole, null],
  ["'12.50'", 'VARCHAR', cents, 1250n],
  ["'12.505'", 'VARCHAR', cents, null],
  ["'92233720368547758.08'", 'VARCHAR', cents, null],
  ['CAST(12.35 AS DOUBLE)', 'DOUBLE', cents, 1235n],
  ['CAST(0.1 + 0.2 AS DOUBLE) / 3 * 3', 'DOUBLE', cents, 30n],
  ['CAST(12.505 AS DECIMAL(9,3))', 'DECIMAL(9,3)', cents, undefined],
  ["CAST('7.25' AS JSON)", 'JSON', cents, 725n],
  ["'NaN'", 'VARCHAR', real, null],
  ["'1e3'", 'VARCHAR', real, 1000],
  ["'TRUE'", 'VARCHAR', bool, true],
  ["'False'", 'VARCHAR', bool, false],
  ["'tRUE'", 'VARCHAR', bool, null],
  ["'1'", 'VARCHAR', bool, null],
  ["CAST('7' AS JSON)", 'JSON', { type: 'text', nullable: true }, null],
  ['CAST(\'"7"\' AS JSON)', 'JSON', { type: 'text', nullable: true }, '7'],
  ["CAST('595125622443733822' AS JSON)", 'JSON', wide, 595_125_622_443_733_822n],
  ['7', 'INTEGER', { type: 'text', nullable: true }, undefined],
  ["CAST('[1, 2.5]' AS JSON)", 'JSON', vector, [1, 2.5]],
  ["CAST('[1, null]' AS JSON)", 'JSON', vector, null],
  ['CAST(\'["a"]\' AS JSON)', 'JSON', vector, null],
  ["'[1, 2.5]'", 'VARCHAR', vector, [1, 2.5]],
  ['[1, NULL]', 'DOUBLE[]', vector, null],
  ["CAST('[1, -2.5]' AS JSON)", 'JSON', pair, [1, -2.5]],
  ["CAST('[1, 2.5, 3]' AS JSON)", 'JSON', pair, null],
  ["CAST('[1, null]' AS JSON)", 'JSON', pair, null],
  ['CAST(\'["a", 1]\' AS JSON)', 'JSON', pair, null],
  ["'[1e-7, 2]'", 'VARCHAR', pair, [1e-7, 2]],
  ["'1, 2'", 'VARCHAR', pair, null],
  ['CAST([0.5, -0.0] AS FLOAT[2])', 'FLOAT[2]', pair, [0.5, 0]],
  ['CAST([1, 2, 3] AS FLOAT[3])', 'FLOAT[3]', pair, undefined],
  ["['NaN'::DOUBLE, 1]", 'DOUBLE[]', pair, null],
  ['[1, 2]', 'INTEGER[]', pair, [1, 2]],
  ["['1', '2']", 'VARCHAR[]', pair, undefined],
])('%s of type %s is read exactly or not at all', async (cell, type, spec, wanted) => {
  const sql = spineValueSql('x', type, spec);
  if (sql === null) return expect(wanted).toBe(undefined);
  for await (const [[value]] of headrace.history.query(`SELECT ${sql} FROM (SELECT ${cell} AS x)`))
    expect(value).toEqual(wanted);
});

const half = (text: string | Uint8Array) => text.slice(0, Math.floor(text.length * 0.6));

test.each<readonly [string, string | Uint8Array | null, string, Readonly<Record<string, unknown>>]>([
  ['gone.csv', null, 'SPINE_FILE', {}],
  ['rows.xlsx', 'x', 'SPINE_FORMAT', {}],
  ['no-time.csv', csvText([{ customer: 'ann' }]), 'SPINE_COLUMN', { column: 'when (for _at)' }],
  ['no-key.jsonl', linesText([{ when: 1 }]), 'SPINE_COLUMN', { column: 'customer (for user)' }],
  ['empty.csv', '', 'SPINE_COLUMN', {}],
  ['bad-time.csv', csvText([ONE, { ...ONE, when: 'noon' }]), 'SPINE_VALUE', { row: 2, column: 'when', found: 'noon' }],
  ['bad-date.csv', csvText([{ ...ONE, when: '2026-02-30' }]), 'SPINE_VALUE', { row: 1, found: '2026-02-30' }],
  ['null-time.jsonl', linesText([ONE, { ...ONE, when: null }]), 'SPINE_NULL', { row: 2, column: 'when' }],
  ['number-key.jsonl', linesText([ONE, { ...ONE, customer: 7 }]), 'SPINE_VALUE', { row: 2, found: '7' }],
  ['twice.csv', csvText([{ ...ONE, spend_n_1h: 1 }]), 'SPINE_NAME', { column: 'spend_n_1h' }],
  ['cut.csv', 'customer,when,label\nann,1,1\nbob,2\n', 'SPINE_FILE', {}],
  ['cut-quote.csv', 'customer,when,label\nann,1,1\n"bo', 'SPINE_FILE', {}],
  ['cut.jsonl', linesText([ONE, ONE]).slice(0, -20), 'SPINE_FILE', {}],
  ['cut.csv.gz', half(gzipSync(csvText(ROWS))), 'FILE_DAMAGED', {}],
  ['cut.parquet', new Uint8Array(500), 'SPINE_FILE', {}],
])('the spine %s is refused', async (name, content, code, facts) => {
  const path = content === null ? join(directory, name) : write(name, content);
  const out = join(directory, 'refused.parquet');
  const refusal = headrace.writeTrainingSet(plain, out, { spine: spineOf(path) });
  await expect(refusal).rejects.toMatchObject({ code, facts });
});

test('a Parquet spine cut anywhere is refused, and nothing is left of it', async () => {
  const whole = await parquetOf('whole.parquet', write('whole.jsonl', linesText(ROWS)), '*');
  const bytes = readFileSync(whole);
  for (const length of [4, 100, bytes.length >> 1, bytes.length - 8, bytes.length - 1]) {
    const path = write('part.parquet', bytes.subarray(0, length));
    const out = join(directory, 'part-out.parquet');
    await expect(headrace.writeTrainingSet(plain, out, { spine: spineOf(path) })).rejects.toMatchObject({
      code: 'SPINE_FILE',
    });
    expect(() => readFileSync(`${out}.spine`)).toThrow('ENOENT');
    expect(() => readFileSync(out)).toThrow('ENOENT');
  }
});

test('a row without a key is refused where the request column is not nullable', async () => {
  const path = write('null-key.csv', csvText([{ user: null, _at: 1, basket: 1 }]));
  const refusal = headrace.writeTrainingSet(rich, join(directory, 'x.parquet'), { spine: { path } });
  await expect(refusal).rejects.toMatchObject({ code: 'SPINE_NULL', facts: { row: 1, column: 'user' } });
});

test('a spine sent as a body comes back as Parquet, or as the path of it', async () => {
  const url = `${server.url}/v1/training-sets/plain?time=when&columns=user=customer&mode=as-known`;
  const body = csvText(ROWS);
  const post = (headers: Record<string, string>) => fetch(url, { method: 'POST', headers, body });
  const sent = await post({ 'content-type': 'text/csv' });
  expect(sent.status).toBe(200);
  const path = write('answer.parquet', new Uint8Array(await sent.arrayBuffer()));
  const told = await post({ 'content-type': 'text/csv', accept: 'application/json' });
  const answer = (await told.json()) as { path: string };
  expect(answer).toMatchObject({ path: expect.stringMatching(/^training-sets\//), rows: 61, nullKeys: 8 });
  const out = join(directory, 'same.parquet');
  await headrace.writeTrainingSet(plain, out, { spine: spineOf(write('same.csv', body)), mode: 'as-known' });
  const same = await table(out);
  expect(await table(path)).toEqual(same);
  expect(await table(join(headrace.directory, answer.path))).toEqual(same);
  expect((await post({ 'content-type': 'application/pdf' })).status).toBe(415);
  const wrong = await fetch(`${server.url}/v1/training-sets/plain`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body,
  });
  expect(await wrong.json()).toMatchObject({ error: { code: 'SPINE_COLUMN' } });
});

/** A file with the columns user, _at and basket, and one of them again under another name, by format. */
const TWICE: Readonly<Record<string, (again: string) => string | Uint8Array>> = {
  csv: (again) => `user,_at,basket,${again}\nann,${START},1,bob\n`,
  tsv: (again) => `user\t_at\tbasket\t${again}\nann\t${START}\t1\tbob\n`,
  'csv.gz': (again) => gzipSync(`user,_at,basket,${again}\nann,${START},1,bob\n`),
  jsonl: (again) =>
    `{"user":"ann","_at":${START},"basket":1}\n{"user":"ann","_at":${START},"basket":1,"${again}":"bob"}\n`,
  parquet: (again) => renamedColumn(again),
};

/** The Parquet of four columns, the last of which is renamed in the bytes: no writer here writes a name twice. */
function renamedColumn(again: string): Uint8Array {
  const path = join(directory, 'four.parquet');
  const bytes = Buffer.from(readFileSync(path));
  const placeholder = Buffer.from('z'.repeat(again.length));
  for (let at = bytes.indexOf(placeholder); at >= 0; at = bytes.indexOf(placeholder, at + 1)) bytes.write(again, at);
  return bytes;
}

test.each(Object.keys(TWICE))(
  'a spine in %s that names a column twice is refused, whatever column it is',
  async (ending) => {
    for (const again of ['user', '_at', 'basket', 'User', 'BASKET']) {
      const four = join(directory, 'four.parquet');
      const sql = `SELECT 'ann' AS "user", ${START} AS _at, 1.0 AS basket, 'bob' AS ${'z'.repeat(again.length)}`;
      await insideOf(headrace).stores.offline.exportParquet(sql, four);
      const path = write(`twice-${again}.${ending}`, TWICE[ending](again));
      const refusal = headrace.writeTrainingSet(rich, join(directory, 'twice.parquet'), { spine: { path } });
      await expect(refusal).rejects.toMatchObject({
        code: 'FILE_NAMES',
        facts: { column: expect.stringMatching(new RegExp(again, 'i')) },
      });
    }
  },
);
