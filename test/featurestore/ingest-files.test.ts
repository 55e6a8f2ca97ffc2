import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import {
  bool,
  decimal,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  int,
  int64,
  last,
  list,
  lookup,
  nullable,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { ingestFiles, takenRows } from '../../src/featurestore/ingest/ingest-files.ts';
import type { SpineFormat } from '../../src/featurestore/training-set/spine-file.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 0, 1);

const sales = eventSource('sales', {
  id: 'id',
  time: 'at',
  columns: {
    id: text(),
    at: time(),
    user: text(),
    note: nullable(text()),
    n: nullable(int()),
    big: nullable(int64()),
    price: nullable(decimal(2)),
    weight: nullable(float()),
    paid: nullable(bool()),
    tags: nullable(list(text())),
  },
});
const view = streamView('view', {
  source: sales,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  freshness: '1s',
  windows: ['ever'],
  features: (e) => ({ last_n: last(e.n) }),
});
const service = featureService('buyer', {
  request: { user: text() },
  join: (r) => ({ v: lookup(view, { user: r.user }) }),
});
const project = defineProject('shop', { sales, service });

async function shop(): Promise<{ headrace: Headrace; directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-files-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const headrace = await openHeadrace({ project, environment: { directory }, clock: () => NOW });
  onTestFinished(() => headrace.close());
  return { headrace, directory };
}

interface More {
  readonly bootstrap?: boolean;
  readonly columns?: Readonly<Record<string, string>>;
  readonly format?: SpineFormat;
  /** Ends the call after this many batches. */
  readonly batches?: number;
}

async function ingest(headrace: Headrace, paths: readonly string[], more: More = {}) {
  const { bootstrap = false, columns = {}, format = null, batches = Number.POSITIVE_INFINITY } = more;
  const stop = new AbortController();
  let taken = 0;
  return ingestFiles({
    source: sales,
    files: { paths, format, columns, byTime: bootstrap },
    offline: insideOf(headrace).stores.offline,
    directory: headrace.directory,
    take: async (events) =>
      takenRows(
        await (bootstrap ? headrace.bootstrap(sales, events) : headrace.ingest(headrace.source('sales'), events)),
      ),
    onProgress: () => {
      taken += 1;
      if (taken >= batches) stop.abort();
    },
    signal: stop.signal,
  });
}

/** Everything that the history has of the source, in the order of ids. */
async function history(headrace: Headrace) {
  await headrace.flush();
  const rows: unknown[] = [];
  const sql = `SELECT id, "at", "user", note, n, big, price, weight, paid, tags, _verdict FROM ${headrace.deliveries(sales)} AS d ORDER BY id`;
  for await (const batch of headrace.history.query(sql)) rows.push(...batch);
  return rows;
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 4 });
const anySale = fc.record({
  at: fc.integer({ min: NOW - HOUR, max: NOW }),
  user: fc.constantFrom('ann', 'bob, the "builder"', 'Zoë\nof two lines'),
  note: maybe(fc.constantFrom('007', '1.0', 'null', 'true', '2026-01-01', ' x ', '🙂', "it's")),
  n: maybe(fc.constantFrom(0, -1, 2 ** 53 - 1, -(2 ** 53) + 1, 17)),
  big: maybe(fc.constantFrom(0n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n)),
  price: maybe(fc.constantFrom('0.00', '12.50', '-0.07', '92233720368547758.07', '-92233720368547758.08')),
  weight: maybe(fc.constantFrom(0, 0.1, -1.5, 1e300, 5e-324, 123456789.125)),
  paid: maybe(fc.boolean()),
  tags: maybe(fc.array(fc.constantFrom('a', 'b"c', '', 'é'), { maxLength: 3 })),
});
const anySales = fc
  .array(anySale, { minLength: 12, maxLength: 30 })
  .map((rows) => rows.map((row, i) => ({ id: `s${i}`, ...row })));

type Sale = typeof anySales extends fc.Arbitrary<(infer S)[]> ? S : never;

function jsonLine(sale: Sale): string {
  const { big, price, ...rest } = sale;
  return JSON.stringify({ ...rest, big: big === null ? null : String(big), price });
}

function csvLine(sale: Sale): string {
  const cells = Object.values({ ...sale, tags: sale.tags === null ? null : JSON.stringify(sale.tags) });
  return cells.map((cell) => (cell === null ? '' : `"${String(cell).replaceAll('"', '""')}"`)).join(',');
}

/** Writes the same rows in a format. */
async function fileOf(format: 'csv' | 'jsonl' | 'parquet', rows: readonly Sale[], { headrace, directory }: Site) {
  const path = join(directory, `sales.${format}`);
  if (format === 'csv') writeFileSync(path, [Object.keys(rows[0]).join(','), ...rows.map(csvLine), ''].join('\n'));
  else if (format === 'jsonl') writeFileSync(path, rows.map((row) => `${jsonLine(row)}\n`).join(''));
  else {
    const lines = join(directory, 'rows.jsonl');
    writeFileSync(lines, rows.map((row) => `${jsonLine(row)}\n`).join(''));
    const types = `{id: 'VARCHAR', "at": 'BIGINT', "user": 'VARCHAR', note: 'VARCHAR', n: 'BIGINT', big: 'VARCHAR', price: 'VARCHAR', weight: 'DOUBLE', paid: 'BOOLEAN', tags: 'VARCHAR[]'}`;
    const typed =
      'SELECT * REPLACE (MAKE_TIMESTAMP("at" * 1000) AS "at", CAST(big AS BIGINT) AS big, CAST(price AS DECIMAL(19,2)) AS price)';
    await insideOf(headrace).stores.offline.exportParquet(
      `${typed} FROM read_json('${lines}', format = 'newline_delimited', columns = ${types})`,
      path,
    );
  }
  return path;
}

type Site = Awaited<ReturnType<typeof shop>>;

test.each(['csv', 'jsonl', 'parquet'] as const)(
  'every row of a %s file is the event that was sent, value by value',
  async (format) => {
    await fc.assert(
      fc.asyncProperty(anySales, async (rows) => {
        const [there, sent] = [await shop(), await shop()];
        const events = rows.map((row) => ({ ...row, big: row.big === null ? null : String(row.big) }));
        expect(await sent.headrace.ingest(sent.headrace.source('sales'), events)).toMatchObject({ refused: [] });
        const report = await ingest(there.headrace, [await fileOf(format, rows, there)]);
        expect(report).toMatchObject({ rows: rows.length, accepted: rows.length, refused: 0, whole: true });
        expect(await history(there.headrace)).toEqual(await history(sent.headrace));
      }),
      { numRuns: 2 },
    );
  },
);

test('a cell that is no value of its column is refused with its row, and the others go in', async () => {
  const { headrace, directory } = await shop();
  const path = join(directory, 'odd.csv');
  const head = 'sale,when,customer,n,price';
  const lines = [
    `a,${NOW},ann,1,1.50`,
    `b,${NOW},ann,many,1.50`,
    `c,2026-01-01,ann,,1.505`,
    `d,${NOW / 1_000},ann,,`,
    'e,2026-01-01T00:00:00Z,ann,,',
  ];
  writeFileSync(path, [head, ...lines, ''].join('\n'));
  const columns = { id: 'sale', at: 'when', user: 'customer' };
  expect(await ingest(headrace, [path], { columns })).toMatchObject({
    ...{ rows: 5, accepted: 2, late: 0, refused: 3, whole: true },
    errors: [
      { row: 2, code: 'EVENT_TYPE' },
      { row: 3, code: 'EVENT_TYPE' },
      { row: 4, code: 'EVENT_TIME_UNIT' },
    ],
  });
});

test.each([
  ['a file that is not there', 'none.csv', '', {}, 'INGEST_FILE'],
  ['a name without a format', 'rows.txt', 'id,at,user\n', {}, 'INGEST_FILE'],
  ['a file without a column that must be there', 'a.csv', 'id,at\nx,1\n', {}, 'INGEST_COLUMN'],
  [
    'a column of the files that they do not have',
    'a.csv',
    'id,at,user\nx,1,u\n',
    { columns: { user: 'who' } },
    'INGEST_COLUMN',
  ],
  [
    'a column that the source does not have',
    'a.csv',
    'id,at,user\nx,1,u\n',
    { columns: { who: 'user' } },
    'INGEST_COLUMN',
  ],
  ['bytes that are no Parquet', 'a.parquet', 'hello', {}, 'INGEST_FILE'],
] as const)('%s is an error with a code', async (_, name, content, more, code) => {
  const { headrace, directory } = await shop();
  const path = join(directory, name);
  if (content !== '') writeFileSync(path, content);
  await expect(ingest(headrace, [path], more)).rejects.toMatchObject({ code });
});

/** A year of sales in no order. */
function aYear(rows: number): string {
  const lines = Array.from({ length: rows }, (_, i) => {
    const at = NOW - ((i * 7_919) % rows) * Math.floor((365 * 24 * HOUR) / rows);
    return JSON.stringify({ id: `y${i}`, at, user: 'ann', n: i });
  });
  return `${lines.join('\n')}\n`;
}

test('the past counts where it is judged by its own clock, and is late by that of today', async () => {
  const [past, today] = [await shop(), await shop()];
  const path = join(past.directory, 'year.jsonl');
  writeFileSync(path, aYear(5_000));
  expect(await ingest(past.headrace, [path], { bootstrap: true })).toMatchObject({ accepted: 5_000, late: 0 });
  expect(await ingest(today.headrace, [path])).toMatchObject({ accepted: 1, late: 4_999 });
  const sql = `SELECT COUNT(*) FROM ${past.headrace.deliveries(sales)} AS d WHERE "at" <> _ingest_ts`;
  await past.headrace.flush();
  for await (const [[others]] of past.headrace.history.query(sql)) expect(others).toBe(0n);
  // What comes now is judged by now.
  const now = { id: 'now', at: NOW, user: 'ann' };
  expect(await past.headrace.ingest(past.headrace.source('sales'), [now])).toMatchObject({ accepted: 1 });
});

test.each([false, true])(
  'a call that was cut off is taken up where it was, with every row once: bootstrap %s',
  async (bootstrap) => {
    const { headrace, directory } = await shop();
    const path = join(directory, 'many.jsonl');
    const rows = 9_000;
    const lines = Array.from({ length: rows }, (_, i) =>
      JSON.stringify({ id: `m${i}`, at: NOW - (i % 1_000), user: 'ann' }),
    );
    writeFileSync(path, `${lines.join('\n')}\n`);
    const first = await ingest(headrace, [path], { bootstrap, batches: 1 });
    expect(first.whole).toBe(false);
    expect(first.rows).toBeGreaterThan(0);
    expect(first.rows).toBeLessThan(rows);
    const second = await ingest(headrace, [path], { bootstrap });
    expect(second).toMatchObject({ rows, accepted: rows, duplicate: 0, resumed: first.rows, whole: true });
    // Once it is whole, the same files are read from their beginning, and nothing counts twice.
    expect(await ingest(headrace, [path], { bootstrap })).toMatchObject({
      rows,
      accepted: 0,
      duplicate: rows,
      resumed: 0,
    });
  },
);
