import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sparkTileJob } from '../../src/backends/spark/tile-job.ts';
import type { ProjectData } from '../../src/features/define/declaration.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { wholeTileTable } from '../../src/features/plan/whole-tiles.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { flink } from '../../src/features/sql/flink.ts';
import { wholeTileQuery } from '../../src/features/sql/tile-queries.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../../src/features/tile/tile-run.ts';
import { upsertTile } from '../../src/features/tile/upsert.ts';
import { tileReader } from '../../src/featurestore/materialise/tile-record.ts';
import { aggregate, bool, int, viewOf } from './declare.ts';
import { createRaw, openForTest, relationOf } from './duckdb.ts';
import { everyAggregate, source, stream } from './streams.ts';
import { engineTables, runTables } from './tables-of.ts';

const present = { nullable: false } as const;
const three = { kind: 'literal', value: 3 } as const;
const no = { kind: 'literal', value: false } as const;

/** Aggregates whose input is there in every event: of most of them, a tile's own count is theirs. */
const ofPresent = [
  aggregate('sum_3', 'sum', three, { ...int, ...present }),
  aggregate('mean_3', 'mean', three, { ...int, ...present }),
  aggregate('var_3', 'variancePop', three, { ...int, ...present }),
  aggregate('count_3', 'count', three, { ...int, ...present }),
  aggregate('share_no', 'share', no, { ...bool, ...present }),
  aggregate('count_no', 'count', no, { ...bool, ...present }),
];

const view = viewOf(
  source,
  { k1: 'tenant', k2: 'user' },
  [...everyAggregate, ...ofPresent],
  [{ name: 'short', windowMs: 300_000, hopMs: 1_000 }],
);

test('a tile of one row, parts and all, is the tile of the engine', async () => {
  const database = await openForTest();
  const layout = tileLayout(view);
  const read = tileReader(layout, 1_000, 'tiles');
  const relation = relationOf(rawTable(source));
  const sql = wholeTileQuery(view, 1_000, { dialect: duckdb, relation, generation: 0 });
  await fc.assert(
    fc.asyncProperty(stream, async (deliveries) => {
      await database.run(`DROP TABLE IF EXISTS ${relation}`);
      await createRaw(database, source, deliveries);
      const runs = new Map<string, TileRun[]>();
      for (const [row] of await database.rows(`SELECT CAST(TO_JSON(t) AS STRING) FROM (${sql}) AS t`)) {
        const { key, run, index } = read(new TextEncoder().encode(String(row)));
        const held = runs.get(key) ?? [emptyRun(layout)];
        runs.set(key, held);
        expect(upsertTile(layout, held[0], run, index)).toBe('applied');
      }
      expect(runTables(view, runs)).toEqual(engineTables(view, deliveries));
    }),
    { numRuns: 10 },
  );
});

test('what counts all events of a tile is written once', () => {
  const { columns } = wholeTileTable(view, 1_000);
  expect(Object.keys(columns).filter((name) => /^(n|events_.*|.*_(3|no)_.*)$/.test(name))).toEqual([
    ...['n', 'sum_3_sum', 'mean_3_sum', 'var_3_sum', 'var_3_sq', 'share_no_true', 'count_no_n'],
  ]);
});

test.each(['', 'null', '[]', '{}', '{"k_k1":null}', '{"k_k1":"a","k_k2":"b","tile_start":0.5,"version":1}'])(
  'a record that is no tile is an error that names its topic: %s',
  (text) => {
    const read = tileReader(tileLayout(view), 1_000, 'site.tiles');
    expect(() => read(new TextEncoder().encode(text))).toThrow(
      expect.objectContaining({ code: 'TILES_RECORD', facts: expect.objectContaining({ topic: 'site.tiles' }) }),
    );
  },
);

test('the text of Flink takes the first of each id by arrival, and nothing of a verdict', () => {
  const sql = wholeTileQuery(view, 1_000, { dialect: flink, relation: 'events', generation: 0 });
  expect(sql).toContain('ROW_NUMBER() OVER (PARTITION BY c_id ORDER BY arrived) AS delivery_no');
  expect(sql).not.toMatch(/verdict|_partition|_offset/);
});

test('on Flink and Spark a delivery is tested for its time before its id is used up', () => {
  const sql = wholeTileQuery(view, 1_000, { dialect: flink, relation: 'events', generation: 0 });
  const [ranked, chosen] = sql.split(') AS d\n');
  expect(ranked).toMatch(
    /c_at - ingest_ts <= CAST\(60000 AS BIGINT\)\s+AND ingest_ts - c_at <= CAST\(600000 AS BIGINT\)/,
  );
  expect(chosen).not.toContain('600000');
  const project = { name: 'p', version: 1, sources: [source], views: [view], services: [], models: [] };
  const [query] = sparkTileJob(project as unknown as ProjectData, {
    mark: 'm',
    eventTopic: ({ name }) => name,
    tileTopic: ({ name }) => name,
    generation: 0,
  }).queries;
  expect(query.rows).toContain('TRY_SUBTRACT(row.`_ingest_ts`, row.`at`) <= CAST(600000 AS BIGINT)');
  expect(query.increments).not.toContain('600000');
});
