import type { ColumnSpec } from '../../schema/column.ts';
import { MOST_SPREAD, MOST_SPREAD_TOTAL } from '../aggregate/variance.ts';
import type { AggregateSpec } from '../define/declaration.ts';
import type { PartialSuffix } from '../plan/partial.ts';
import type { Dialect } from './dialect.ts';
import { STAMP_END } from './partial.ts';
import { double } from './text.ts';

type Column = (suffix: Exclude<PartialSuffix, 'element'> | `e${number}`) => string;

/**
 * The answer of an aggregate from its merged partial, the same double as the algebra's `finalise` gives; null where that
 * gives null or undefined. `column` names the partial's columns.
 */
export function finaliseSql(spec: AggregateSpec, column: Column, dialect: Dialect): string {
  const unit = spec.inputType?.type === 'decimal' ? 10 ** (spec.inputType.scale ?? 0) : 1;
  switch (spec.kind) {
    case 'count':
      return column('n');
    case 'share':
      return `CASE WHEN ${column('n')} > 0 THEN CAST(${column('true')} AS DOUBLE) / CAST(${column('n')} AS DOUBLE) END`;
    case 'sum':
      return sumSql(spec, column);
    case 'mean':
      if (spec.inputType?.type === 'embedding') return meanOfEmbeddingsSql(spec.inputType, column, dialect);
      return `CASE WHEN ${column('n')} > 0 THEN ${dialect.toDouble(column('total'))} / ${scaled(`CAST(${column('n')} AS DOUBLE)`, unit)} END`;
    case 'min':
    case 'max':
      return column(spec.kind);
    case 'variancePop':
      return spreadSql(column, 0, unit, dialect);
    case 'varianceSample':
      return spreadSql(column, 1, unit, dialect);
    case 'stddevPop':
      return `SQRT(${spreadSql(column, 0, unit, dialect)})`;
    case 'stddevSample':
      return `SQRT(${spreadSql(column, 1, unit, dialect)})`;
    case 'first':
    case 'last':
      return stampedValue(spec, column(spec.kind), dialect);
    case 'lastN':
    case 'distinct':
    case 'approxDistinct':
    case 'quantile':
    case 'topK':
    case 'topKCounts':
    case 'meanOfDays':
    case 'minOfDays':
    case 'maxOfDays':
    case 'quantileOfDays':
      throw new TypeError(`${spec.kind} is finalised from its parts`);
    default:
      return spec.kind satisfies never;
  }
}

function sumSql({ inputType }: AggregateSpec, column: Column): string {
  const wide = inputType?.type === 'int64' || inputType?.type === 'decimal';
  const least = wide ? -(2n ** 63n) : -(2n ** 53n) + 1n;
  const greatest = wide ? 2n ** 63n - 1n : 2n ** 53n - 1n;
  const total = column('total');
  return `CASE WHEN ${column('n')} > 0 AND ${total} BETWEEN ${least} AND ${greatest} THEN CAST(${total} AS BIGINT) END`;
}

/** `(n·Σx² − (Σx)²) / (n · (n − ddof) · unit²)`, the numerator exact, in the algebra's order of operations. */
function spreadSql(column: Column, ddof: 0 | 1, unit: number, dialect: Dialect): string {
  const n = column('n');
  const count = `CAST(${n} AS DOUBLE)`;
  const [squares, total] = [column('squares'), column('total')];
  const fits = `${count} * ${dialect.toDouble(squares)} < ${double(MOST_SPREAD)} AND ${total} BETWEEN ${-MOST_SPREAD_TOTAL} AND ${MOST_SPREAD_TOTAL}`;
  const numerator = dialect.toDouble(`CASE WHEN ${fits} THEN ${dialect.exactSpread(n, squares, total)} END`);
  const divisor = ddof === 0 ? `(${count} * ${count})` : `(${count} * (${count} - ${double(1)}))`;
  const whole = scaled(scaled(divisor, unit), unit);
  return `CASE WHEN ${n} > ${ddof} AND ${column('wild')} = 0 AND ${numerator} >= 0 THEN ${numerator} / ${whole} END`;
}

/** Number by number `sum / (n · 2^32)`. */
function meanOfEmbeddingsSql({ length = 1 }: ColumnSpec, column: Column, dialect: Dialect): string {
  const divisor = scaled(`CAST(${column('n')} AS DOUBLE)`, 2 ** 32);
  const numbers = Array.from({ length }, (_, i) => `${dialect.toDouble(column(`e${i}`))} / ${divisor}`);
  return `CASE WHEN ${column('n')} > 0 AND ${column('beyond')} = 0 THEN ${dialect.array(numbers)} END`;
}

function scaled(sql: string, unit: number): string {
  return unit === 1 ? sql : `(${sql} * ${double(unit)})`;
}

function stampedValue({ inputType }: AggregateSpec, stamped: string, dialect: Dialect): string {
  const text = `SUBSTRING(${stamped}, ${STAMP_END})`;
  switch (inputType?.type) {
    case 'text':
      return text;
    case 'bool':
      return `(${text} = 'true')`;
    case 'float':
      return `CAST(${text} AS DOUBLE)`;
    case 'embedding':
      return dialect.embeddingOf(text);
    default:
      return `CAST(${text} AS BIGINT)`;
  }
}
