import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { partsTable, tileTable } from '../../src/features/plan/tile-table.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { standard } from '../../src/features/sql/standard.ts';
import { tileQueries } from '../../src/features/sql/tile-queries.ts';
import { runs } from '../runs.ts';
import { aggregate, column, sourceOf, text, viewOf } from './declare.ts';
import { createRaw, openForTest, relationOf } from './duckdb.ts';
import { everyAggregate, source, stream } from './streams.ts';
import { engineTables, sqlTables } from './tables-of.ts';

const windows = [
  { name: 'short', windowMs: 300_000, hopMs: 1000 },
  { name: 'long', windowMs: 20 * 86_400_000, hopMs: 1_209_600_000 },
];

test.each([
  ['duckdb', duckdb],
  ['standard', standard],
] as const)(
  'tiles and parts of the engine and of %s SQL are equal, every column as text',
  {
    timeout: 600_000,
  },
  async (_, dialect) => {
    const database = await openForTest();
    // The shared text leaves to the engine how a float is written; only DuckDB's dialect writes it as ECMAScript does. How an
    // embedding is written is left to every engine.
    const unlike = dialect === duckdb ? /^(first|last)_e$/ : /_f$|^(first|last)_e$/;
    const alike = everyAggregate.filter(({ name }) => !unlike.test(name));
    const exact = viewOf(source, { k1: 'tenant', k2: 'user' }, alike, windows);
    await fc.assert(
      fc.asyncProperty(stream, async (deliveries) => {
        expect(await sqlTables(database, exact, deliveries, dialect)).toEqual(engineTables(exact, deliveries));
      }),
      { numRuns: runs(4, 60) },
    );
  },
);

test('the columns of tile queries are those of the tables', async () => {
  const database = await openForTest();
  const view = viewOf(source, { k1: 'tenant' }, everyAggregate, windows);
  await createRaw(database, source, []);
  const queries = tileQueries(view, 1000, { dialect: duckdb, relation: relationOf(rawTable(source)), generation: 3 });
  const described = async (sql: string) => {
    const rows = await database.rows(`DESCRIBE ${sql}`);
    return Object.fromEntries(rows.map(([name, type]) => [name, NAMES[String(type)] ?? type]));
  };
  expect(await described(queries.tiles)).toEqual(tileTable(view, 1000).columns);
  for (const spec of view.aggregates) {
    const table = partsTable(view, 1000, spec);
    const sql = queries.parts[spec.name];
    expect(sql === undefined).toBe(table === null);
    if (sql !== undefined) expect(await described(sql)).toEqual(table?.columns);
  }
});

const NAMES: Readonly<Record<string, string>> = { VARCHAR: 'STRING', 'DECIMAL(38,0)': 'DECIMAL' };

interface HllGolden {
  readonly cases: readonly { n: number; nonzero_registers: number; sha256_of_dense_registers_as_bytes: string }[];
  readonly single_values: Readonly<Record<string, unknown>>;
}

test('HyperLogLog registers of 0 to 100,000 values are those of the golden file', async () => {
  const database = await openForTest();
  const { cases } = JSON.parse(
    readFileSync(new URL('../golden/hll_md5_p12_registers.json', import.meta.url), 'utf8'),
  ) as HllGolden;
  const events = sourceOf({ key: text, user: text }, { name: 'hll' });
  const view = viewOf(
    events,
    { key: 'key' },
    [aggregate('users', 'approxDistinct', column('user'), text)],
    [windows[0]],
  );
  for (const { n, nonzero_registers, sha256_of_dense_registers_as_bytes } of cases) {
    const relation = `(SELECT CAST(i AS STRING) AS id, 0 AS at, 'k' AS key, 'user_' || i AS "user", 0 AS _ingest_ts, 0 AS _partition, i AS _offset, 'accepted' AS _verdict FROM range(${n}) AS r(i))`;
    const queries = tileQueries(view, 1000, { dialect: duckdb, relation, generation: 0 });
    const registers = new Uint8Array(4096);
    const rows = await database.rows(queries.parts.users);
    for (const row of rows) registers[Number(row[3])] = Number(row[4]);
    expect(rows.length).toBe(nonzero_registers);
    expect(createHash('sha256').update(registers).digest('hex')).toBe(sha256_of_dense_registers_as_bytes);
  }
});

test('a float is written as ECMAScript writes it', async () => {
  const database = await openForTest();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }), async (some) => {
      const numbers = [
        ...some,
        1e21,
        1e20,
        123456789012345680000,
        1e-6,
        1.5e-6,
        1e-7,
        1.25e-9,
        1e16,
        0.1,
        1e5,
        -1e-5,
      ].map((x) => x + 0);
      const list = numbers.map((x) => `(${x.toExponential()}::DOUBLE)`).join(', ');
      const rows = await database.rows(`SELECT ${duckdb.floatText('x')} FROM (VALUES ${list}) AS t(x)`);
      expect(rows.map(([value]) => value)).toEqual(numbers.map(String));
    }),
    { numRuns: 30 },
  );
});
