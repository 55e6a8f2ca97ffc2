import type { Columns, Value } from './column.ts';

/** Adds one to `counts[i]` where the i-th value of the row lies outside its column's declared range. */
export type RangeCheck = (row: readonly Value[], counts: Float64Array) => void;

/** Makes the check of the columns' declared ranges; null where none is declared. A value outside is counted, never refused. */
export function rangeCheck(columns: Columns): RangeCheck | null {
  const ranges = Object.values(columns).flatMap(({ range, type, scale = 0 }, at) => {
    if (range === undefined) return [];
    const unit = type === 'decimal' ? 10 ** scale : 1;
    return [{ at, least: range[0] * unit, greatest: range[1] * unit }];
  });
  if (ranges.length === 0) return null;
  return (row, counts) => {
    for (const { at, least, greatest } of ranges) {
      const value = row[at];
      if (value === null) continue;
      if (typeof value === 'object') {
        if (value.some((number) => Number(number) < least || Number(number) > greatest)) counts[at] += 1;
      } else if (Number(value) < least || Number(value) > greatest) counts[at] += 1;
    }
  };
}
