import { fail } from '../../base/errors/fail.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import { tileStartsQuery } from '../../features/sql/event-queries.ts';
import type { Computed, ComputedTable, HistoryEngine } from '../../ports/history-engine.ts';
import { parquetRelation } from '../parquet-relation.ts';
import { deliveriesOf, SLICE_ROWS } from './key-slices.ts';
import { queriesOf, type TileTables, type TileTablesOptions, tilesWithin } from './tile-tables.ts';

/** Name of the raw deliveries in SQL. */
const DELIVERIES = 'deliveries_of_source';

/**
 * The tiles of a view, computed by another engine as one computation, checked, and then read a slice of the keys at a time.
 * Nothing is given before all of it is there. Errors: BACKFILL_COUNTS, those of the engine.
 */
export async function* computedTileTables(
  engine: HistoryEngine,
  options: TileTablesOptions,
): AsyncGenerator<readonly TileTables[]> {
  const computed = await compute(engine, options);
  try {
    yield* slicesOf(computed, options);
  } finally {
    computed.drop();
  }
}

async function compute(engine: HistoryEngine, options: TileTablesOptions): Promise<Computed> {
  const { layout, offline, onProgress = () => undefined } = options;
  const { view } = layout;
  const raw = rawTable(view.source);
  const outputs = view.hopsMs.flatMap((hopMs): readonly ComputedTable[] => {
    const { tiles, parts } = queriesOf(options, hopMs, engine.dialect, DELIVERIES);
    return [
      { name: nameOf(options, hopMs), sql: tiles },
      ...Object.entries(parts).map(([name, sql]) => ({ name: nameOf(options, hopMs, name), sql })),
    ].map((output) => ({ ...output, slicedBy: Object.keys(view.entity.key).map((key) => `k_${key}`) }));
  });
  const rows = deliveriesOf(layout, offline);
  const session = await engine.open(onProgress);
  try {
    return await offline.withFiles([raw], async ([files]) => {
      // Of the same files: more may be published meanwhile.
      const deliveries = offline.relation(raw);
      const computed = await session.compute({
        tables: [{ name: DELIVERIES, table: raw, files }],
        outputs,
        slices: Math.max(1, Math.ceil(rows / SLICE_ROWS)),
      });
      try {
        for (const hopMs of view.hopsMs) await checkCounts(computed, hopMs, deliveries, options);
        return computed;
      } catch (error) {
        computed.drop();
        throw error;
      }
    });
  } finally {
    await session.close();
  }
}

/** Every accepted event of the view is in one tile of each hop. Error: BACKFILL_COUNTS. */
async function checkCounts(
  computed: Computed,
  hopMs: number,
  deliveries: string,
  options: TileTablesOptions,
): Promise<void> {
  const { layout, offline } = options;
  const { view } = layout;
  const starts = tileStartsQuery(view, hopMs, deliveries, duckdb);
  const files = (computed.files.get(nameOf(options, hopMs)) ?? []).flat();
  const sums = files.length === 0 ? '0' : `(SELECT COALESCE(SUM(n), 0) FROM ${parquetRelation(files)})`;
  const counted = tilesWithin(starts, hopMs, options);
  for await (const [row] of offline.query(`SELECT CAST(${sums} AS BIGINT), COUNT(*) FROM (${counted}) AS e`)) {
    const [found, events] = row.map(Number);
    if (found !== events) throw fail('BACKFILL_COUNTS', { view: view.name, hopMs, found, events });
  }
}

/** The tables of each slice of the keys, which has all hops. */
function* slicesOf(computed: Computed, options: TileTablesOptions): Generator<readonly TileTables[]> {
  const { aggregates, hopsMs } = options.layout.view;
  const filesOf = (hopMs: number, name?: string) => computed.files.get(nameOf(options, hopMs, name)) ?? [];
  const slices = Math.max(0, ...hopsMs.map((hopMs) => filesOf(hopMs).length));
  for (let slice = 0; slice < slices; slice += 1)
    yield hopsMs.flatMap((hopMs) => {
      const files = filesOf(hopMs)[slice] ?? [];
      if (files.length === 0) return [];
      const parts = aggregates.flatMap(({ name }) => {
        const own = filesOf(hopMs, name)[slice] ?? [];
        return own.length === 0 ? [] : [[name, `SELECT * FROM ${parquetRelation(own)}`]];
      });
      return [{ hopMs, tiles: `SELECT * FROM ${parquetRelation(files)}`, parts: Object.fromEntries(parts) }];
    });
}

/** Name of a table, which Spark's users see too. */
function nameOf({ layout }: TileTablesOptions, hopMs: number, aggregate?: string): string {
  const { name, version } = layout.view;
  return `${name}@${version} ${hopMs}${aggregate === undefined ? '' : ` ${aggregate}`}`;
}
