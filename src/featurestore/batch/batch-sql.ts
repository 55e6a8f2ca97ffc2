import type { BatchViewData } from '../../features/define/declaration.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import { acceptedEventsQuery } from '../../features/sql/event-queries.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { ColumnSpec } from '../../schema/column.ts';

/**
 * The SELECT of a run: the key columns, then the features, each cast to its declared type. The view's own SQL sees the
 * accepted events of its sources (the same rule as the stream) under their declared names: times are epoch ms, a decimal
 * is the integer value · 10^scale.
 */
export function batchSql(view: BatchViewData, offline: OfflineStore, asOf: number): string {
  const own = view.sql.text
    .replaceAll(/\{\{source:(\w+)\}\}/g, (_, alias: string) => {
      const source = view.reads[alias];
      return `(${acceptedEventsQuery(source, offline.relation(rawTable(source)), duckdb)})`;
    })
    .replaceAll('{{asOf}}', `CAST(${asOf} AS BIGINT)`);
  const columns = [...Object.entries(view.entity.key), ...Object.entries(view.features)];
  return `SELECT ${columns.map(([name, spec]) => castTo(name, spec)).join(', ')} FROM (${own}) AS run`;
}

function castTo(name: string, spec: ColumnSpec): string {
  const column = `run."${name}"`;
  switch (spec.type) {
    case 'text':
      return `CAST(${column} AS VARCHAR)`;
    case 'int':
    case 'int64':
    case 'time':
      return `CAST(${column} AS BIGINT)`;
    case 'decimal':
      return `CAST(ROUND(${column} * ${10 ** (spec.scale ?? 0)}) AS BIGINT)`;
    case 'float':
      return `CAST(${column} AS DOUBLE)`;
    case 'bool':
      return `CAST(${column} AS BOOLEAN)`;
    case 'list':
      return column;
    default:
      return spec.type satisfies never;
  }
}
