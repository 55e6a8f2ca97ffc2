import { fail } from '../../base/errors/fail.ts';
import type { BatchViewData } from '../../features/define/declaration.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import { embeddingSql } from '../embedding-sql.ts';

/** A column of a query's result: its name and its type as DuckDB writes it. */
export interface FoundColumn {
  readonly name: string;
  readonly type: string;
}

/** The columns that a view's SQL must give, in order: the entity's key, then the features. */
export function wantedColumns(view: BatchViewData): readonly (readonly [name: string, spec: ColumnSpec])[] {
  return [...Object.entries(view.entity.key), ...Object.entries(view.features)];
}

/**
 * The SELECT list that reads the wanted columns from the result `run` of a view's SQL, each in the type of the batch
 * table. Only conversions that keep the value are made; others are written by the author of the SQL, as casts. A float
 * that is no finite number becomes null, as does an embedding of another length or with such a number. Errors: BATCH_COLUMN, BATCH_TYPE.
 */
export function readColumns(view: BatchViewData, found: readonly FoundColumn[]): readonly string[] {
  const wanted = wantedColumns(view);
  return wanted.map(([name, spec]) => {
    const [column, ...more] = found.filter((each) => each.name.toLowerCase() === name.toLowerCase());
    if (column === undefined || more.length > 0) {
      const given = found.map((each) => each.name);
      throw fail('BATCH_COLUMN', { view: view.name, given, wanted: wanted.map(([each]) => each) });
    }
    const sql = converted(`run."${column.name.replaceAll('"', '""')}"`, column.type, spec);
    if (sql === null)
      throw fail('BATCH_TYPE', { view: view.name, column: name, found: column.type, wanted: wantedText(spec) });
    return sql;
  });
}

const WHOLE = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL\(\d+,0\))$/;
const NUMBER = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL\(\d+,\d+\)|FLOAT|DOUBLE)$/;

/** null: the type has no conversion that keeps the value. */
function converted(column: string, type: string, spec: ColumnSpec): string | null {
  switch (spec.type) {
    case 'text':
      return type === 'VARCHAR' ? column : null;
    case 'bool':
      return type === 'BOOLEAN' ? column : null;
    case 'int':
    case 'int64':
    case 'time':
      return WHOLE.test(type) ? `CAST(${column} AS BIGINT)` : null;
    case 'float':
      return NUMBER.test(type) ? `CASE WHEN ISFINITE(${asDouble(column)}) THEN ${asDouble(column)} END` : null;
    case 'decimal':
      return scaled(column, type, spec.scale ?? 0);
    case 'list':
      return listTypes(spec).includes(type) ? `CAST(${column} AS ${listTypes(spec)[0]})` : null;
    case 'embedding':
      return embeddingSql(column, type, spec);
    default:
      return spec.type satisfies never;
  }
}

function asDouble(column: string): string {
  return `CAST(${column} AS DOUBLE)`;
}

/** The integer value · 10^scale. Twenty digits hold every BIGINT, and seventeen every power of ten up to the sixteenth. */
function scaled(column: string, type: string, scale: number): string | null {
  const decimal = /^DECIMAL\(\d+,(\d+)\)$/.exec(type);
  if (decimal === null ? !WHOLE.test(type) : Number(decimal[1]) > scale) return null;
  return `CAST(CAST(${column} AS DECIMAL(20,${scale})) * CAST(${10 ** scale} AS DECIMAL(17,0)) AS BIGINT)`;
}

function listTypes({ element = 'text' }: ColumnSpec): readonly string[] {
  switch (element) {
    case 'text':
      return ['VARCHAR[]'];
    case 'bool':
      return ['BOOLEAN[]'];
    case 'float':
      return ['DOUBLE[]', 'FLOAT[]', 'INTEGER[]', 'BIGINT[]'];
    case 'int':
    case 'int64':
    case 'time':
      return ['BIGINT[]', 'INTEGER[]', 'SMALLINT[]', 'TINYINT[]'];
    case 'decimal':
      // The SQL type of a list of decimals is chosen when one is needed.
      return [];
    default:
      return element satisfies never;
  }
}

function wantedText(spec: ColumnSpec): string {
  switch (spec.type) {
    case 'text':
      return 'VARCHAR';
    case 'bool':
      return 'BOOLEAN';
    case 'int':
    case 'int64':
      return 'BIGINT';
    case 'time':
      return 'BIGINT (epoch milliseconds)';
    case 'float':
      return 'DOUBLE';
    case 'decimal':
      return `DECIMAL with at most ${spec.scale ?? 0} digits after the point`;
    case 'list':
      return listTypes(spec)[0] ?? 'a list of another element type';
    case 'embedding':
      return `DOUBLE[${spec.length ?? 1}]`;
    default:
      return spec.type satisfies never;
  }
}
