import { compareText } from '../../src/base/text-order.ts';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { rawTable } from '../../src/features/plan/raw-table.ts';
import { partsTable, tileTable } from '../../src/features/plan/tile-table.ts';
import type { SqlValue } from '../../src/features/sql/decode.ts';
import type { Dialect } from '../../src/features/sql/dialect.ts';
import { tileQueries } from '../../src/features/sql/tile-queries.ts';
import { COUNT, GENERATION, MAX_TS, START, tileLayout } from '../../src/features/tile/tile-layout.ts';
import type { TileRun } from '../../src/features/tile/tile-run.ts';
import { tileVersion } from '../../src/features/tile/version.ts';
import { entityKeyCodec } from '../../src/schema/entity-key.ts';
import { engineOf } from '../tiles/golden-view.ts';
import { createRaw, type LoggedDelivery, relationOf, type TestDatabase } from './duckdb.ts';

/** Tables by name: rows as text, sorted. */
export type Tables = Readonly<Record<string, readonly string[]>>;

function asText(rows: Iterable<readonly SqlValue[]>): readonly string[] {
  return [...rows].map((row) => row.map((value) => (value === null ? '∅' : String(value))).join('|')).sort(compareText);
}

/** The engine's tiles and parts, with the columns of the offline tables. */
export function engineTables(view: StreamViewData, deliveries: readonly LoggedDelivery[]): Tables {
  const { engine, keys } = engineOf(view);
  for (const delivery of deliveries) engine.apply(delivery, delivery.partition);
  return runTables(
    view,
    [...keys].map(([key, { runs }]) => [key, runs]),
  );
}

/** Runs of keys, one a hop, with the columns of the offline tables. */
export function runTables(view: StreamViewData, keys: Iterable<readonly [string, readonly TileRun[]]>): Tables {
  const layout = tileLayout(view);
  const { decode } = entityKeyCodec(view.entity.key);
  const tables: Record<string, (readonly SqlValue[])[]> = {};
  const put = (name: string, row: readonly SqlValue[]) => (tables[name] = [...(tables[name] ?? []), row]);
  for (const [key, runs] of keys) {
    runs.forEach((run, hop) => {
      for (let index = 0; index < run.length; index++) {
        const at = index * layout.numbers;
        const version = tileVersion(run.nums[at + GENERATION], run.nums[at + COUNT]);
        const start = [...decode(key), run.nums[at + START]] as readonly SqlValue[];
        const scalars = layout.partials.flatMap(({ aggregate, num, obj }) => [
          ...aggregate.toColumns(run, at + num, index * layout.objects + obj),
        ]);
        put(tileTable(view, view.hopsMs[hop]).name, [
          ...start,
          run.nums[at + COUNT],
          version,
          run.nums[at + MAX_TS],
          ...scalars,
        ]);
        layout.partials.forEach(({ aggregate, num, obj }, p) => {
          const table = partsTable(view, view.hopsMs[hop], view.aggregates[p]);
          for (const { part, value } of aggregate.parts?.toParts(run, at + num, index * layout.objects + obj) ?? []) {
            put(table?.name ?? '', [...start, version, part, value]);
          }
        });
      }
    });
  }
  return Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, asText(rows)]));
}

export async function sqlTables(
  database: TestDatabase,
  view: StreamViewData,
  deliveries: readonly LoggedDelivery[],
  dialect: Dialect,
): Promise<Tables> {
  const relation = relationOf(rawTable(view.source));
  await database.run(`DROP TABLE IF EXISTS ${relation}`);
  await createRaw(database, view.source, deliveries);
  const tables: Record<string, readonly string[]> = {};
  const put = async (name: string | undefined, sql: string) => {
    const rows = asText(await database.rows(sql));
    if (rows.length > 0) tables[name ?? ''] = rows;
  };
  for (const hopMs of view.hopsMs) {
    const queries = tileQueries(view, hopMs, { dialect, relation, generation: 0 });
    await put(tileTable(view, hopMs).name, queries.tiles);
    for (const spec of view.aggregates) {
      const sql = queries.parts[spec.name];
      if (sql !== undefined) await put(partsTable(view, hopMs, spec)?.name, sql);
    }
  }
  return tables;
}
