import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { COUNT, START } from '../../src/features/tile/tile-layout.ts';
import { parquetRelation } from '../../src/featurestore/parquet-relation.ts';
import type { HistoryEngine, ReadTable } from '../../src/ports/history-engine.ts';
import type { TileWrite } from '../../src/ports/online-store.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { aggregate, column, int, sourceOf, text, viewOf } from '../sql/declare.ts';
import { hasSharedData, whySkipped } from '../tiles/shared-data.ts';
import { deep, deepIf } from './deep.ts';
import { flights, ofShared, own, type ParityDefinition, small } from './parity-definitions.ts';
import { noteSum } from './parity-sums.ts';
import { SparkSite, ways } from './spark-site.ts';
import { tilesByEngines } from './tiles-by-engines.ts';

describe.each(ways)('%s', (way) => {
  let site: SparkSite;
  beforeAll(async () => {
    site = await SparkSite.open(way);
  });
  afterAll(() => site.end());

  async function compared(definition: ParityDefinition): Promise<readonly TileWrite[]> {
    const { parity, differing, spark } = await tilesByEngines(site, definition);
    expect(differing).toEqual([]);
    const { inProcess } = parity;
    expect(parity).toMatchObject({ inProcess, duckdb: inProcess, spark: inProcess });
    for (const [engine, sum] of [
      ['in process', inProcess],
      ['DuckDB', parity.duckdb],
      ['Spark', parity.spark],
    ] as const)
      noteSum(engine, definition.name, { tiles: parity.tiles, sum });
    return spark;
  }

  const isWhole = way === 'spark-submit';
  const others = isWhole ? own.filter((one) => one !== flights) : small;
  /** One a way in the gate: each job of Spark takes seconds, and the lane has them all. */
  const [sawtooth, faults] = small;
  const ofGate = isWhole ? faults : sawtooth;

  for (const one of others)
    test(`engine in process, DuckDB and Spark give the same tiles of ${one.name}`, deepIf(one !== ofGate), async () => {
      await compared(one);
    });

  test.each(isWhole ? [flights] : [])(
    'engine in process, DuckDB and Spark give the same tiles of $name, those that are published',
    deep,
    async (one) => {
      const tiles = await compared(one);
      expect(publishedSum(one.view, tiles)).toBe('0d7ef856c233037a3cdec4044de1a468eb0fdeb8c94d5092deca13e51045a3bc');
    },
  );

  /** SHA-256 of lines of origin, start, n, sum, least and greatest, as the data's own page has it. */
  function publishedSum(view: StreamViewData, tiles: readonly TileWrite[]): string {
    const { decode } = entityKeyCodec(view.entity.key);
    const rows = tiles.map(({ layout, key, run, index }) => {
      const at = index * layout.numbers;
      const [sum, , least, greatest] = layout.partials.flatMap(({ aggregate, num, obj }) => [
        ...aggregate.toColumns(run, at + num, index * layout.objects + obj),
      ]);
      const origin = String(decode(key)[0]);
      const start = run.nums[at + START];
      return { origin, start, line: `${[origin, start, run.nums[at + COUNT], sum, least, greatest].join(',')}\n` };
    });
    rows.sort((a, b) => compareText(a.origin, b.origin) || a.start - b.start);
    const hash = createHash('sha256');
    for (const { line } of rows) hash.update(line);
    return hash.digest('hex');
  }

  const shared = isWhole ? ofShared(resolve('../shared/data/features')) : [];

  test.skipIf(!hasSharedData).each(shared)(
    `engine in process, DuckDB and Spark give the same tiles of $name${whySkipped}`,
    deep,
    async (one) => {
      await compared(one);
    },
  );

  test('a query that Spark refuses names its line and what is wrong, and the application continues', async () => {
    const session = await site.engine.open(() => undefined);
    const compute = (sql: string) =>
      session.compute({ tables: [], outputs: [{ name: 'odd', sql, slicedBy: [] }], slices: 1 });
    await expect(compute('SELECT 1 AS one,\n  nothing\nFROM nowhere')).rejects.toMatchObject({
      code: 'SPARK_SQL',
      message: expect.stringMatching(/of "odd", line 3 \("FROM nowhere"\).*TABLE_OR_VIEW_NOT_FOUND.*42P01/),
    });
    await expect(compute("SELECT CAST(text AS BIGINT) AS n FROM VALUES ('x') AS t(text)")).rejects.toMatchObject({
      code: 'SPARK_FAILED',
      message: expect.stringMatching(/cannot be cast.*CAST_INVALID_INPUT, SQLSTATE 22018/),
    });
    const { files, drop } = await compute(`SELECT 'it\\'s' AS text, "\${x}" AS other`);
    const [[file]] = files.get('odd') ?? [];
    const rows = await Array.fromAsync(site.offline.query(`SELECT * FROM ${parquetRelation([file])}`));
    expect(rows.flat()).toEqual([["it's", `$${''}{x}`]]);
    drop();
  });

  test('tiles of fewer events than the history has are refused, and nothing of them is left', async () => {
    const few = sourceOf({ key: text, value: int }, { name: 'few' });
    const view = viewOf(
      few,
      { key: 'key' },
      [aggregate('sum', 'sum', column('value'), int)],
      [{ name: '1d', windowMs: 86_400_000, hopMs: 3_600_000 }],
    );
    const publish = site.publisher(few);
    for (const [offset, id] of ['a', 'b', 'c'].entries())
      await publish([{ id, ts: 0, ingestTs: 0, partition: 0, offset, row: [id, 0, 'k', 1] }]);
    // As a machine of the cluster that sees an older state of the directory.
    const behind: HistoryEngine = {
      ...site.engine,
      open: async (onProgress) => {
        const session = await site.engine.open(onProgress);
        const older = (table: ReadTable): ReadTable => {
          const [{ columns, paths }] = table.files;
          return { ...table, files: [{ columns, paths: paths.slice(1) }] };
        };
        return {
          compute: (computation) => session.compute({ ...computation, tables: computation.tables.map(older) }),
          close: () => session.close(),
        };
      },
    };
    await expect(site.tiles(view, behind)).rejects.toMatchObject({
      code: 'BACKFILL_COUNTS',
      facts: expect.objectContaining({ view: view.name, events: 3, found: 2 }),
    });
    expect(site.runs()).toEqual([]);
  });

  test('columns that came later, and one that became a double, read as they do in the offline store', async () => {
    const table = { name: 'evolved@1', columns: { at: 'BIGINT', value: 'BIGINT' } } as const;
    const wider = { name: table.name, columns: { more: 'STRING', at: 'BIGINT', value: 'DOUBLE' } } as const;
    const published = (
      rows: number,
      columns: readonly (readonly (string | number | null)[])[],
      of: typeof table | typeof wider,
    ) => site.offline.publish({ writer: 'w', position: {}, mode: 'append', tables: [{ table: of, rows, columns }] });
    await published(
      2,
      [
        [1, 2],
        [7, null],
      ],
      table,
    );
    await site.offline.evolve(wider);
    await published(1, [['x'], [3], [0.5]], wider);
    const session = await site.engine.open(() => undefined);
    const { files, drop } = await site.offline.withFiles([wider], ([parts]) =>
      session.compute({
        tables: [{ name: 'evolved', table: wider, files: parts }],
        outputs: [
          {
            name: 'all',
            sql: "SELECT COALESCE(more, '∅') || ' ' || at || ' ' || COALESCE(CAST(value AS STRING), '∅') AS text FROM evolved",
            slicedBy: [],
          },
        ],
        slices: 1,
      }),
    );
    const all = parquetRelation((files.get('all') ?? []).flat());
    const rows = await Array.fromAsync(site.offline.query(`SELECT text FROM ${all} ORDER BY text`));
    expect(rows.flat(2)).toEqual(['x 3 0.5', '∅ 1 7.0', '∅ 2 ∅']);
    drop();
  });
});
