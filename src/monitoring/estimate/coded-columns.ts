import type { ColumnValues } from '../../ports/table-file.ts';
import type { CodedRows } from '../../stats/boosted-trees.ts';
import { sideOfValues } from '../detect/column-side.ts';
import { quantileOf } from '../detect/distribution.ts';
import { kindOf } from '../detect/feature-kind.ts';
import { referenceBins } from '../detect/reference-bins.ts';
import { binOf, edgeBins, type FrozenBins } from '../profile/frozen-bins.ts';

/** Bins of a number: finer than those that windows are compared by. */
const NUMBER_BINS = 50;

/** Freezes bins on the columns of reference rows; the coder gives the codes of any rows with these columns. */
export function columnCoder(
  reference: ReadonlyMap<string, ColumnValues>,
): (columns: ReadonlyMap<string, ColumnValues>, rows: number) => CodedRows {
  const bins = [...reference].flatMap(([name, values]): readonly (readonly [string, FrozenBins])[] => {
    const side = sideOfValues(values);
    const kind = kindOf(side);
    if (kind === 'identifier' || kind === 'empty') return [];
    const { distribution } = side;
    if (kind !== 'number' || distribution === null) return [[name, referenceBins(side, kind)]];
    const edges = Array.from({ length: NUMBER_BINS - 1 }, (_, i) => quantileOf(distribution, (i + 1) / NUMBER_BINS));
    return [[name, edgeBins([...new Set(edges.filter((edge) => edge !== null))])]];
  });
  return (columns, rows) => ({
    columns: bins.map(([name, own]) => codesOf(own, columns.get(name), rows)),
    ordered: bins.map(([, { kind }]) => kind === 'edges'),
  });
}

function codesOf(bins: FrozenBins, values: ColumnValues | undefined, rows: number): Uint8Array {
  const codes = new Uint8Array(rows);
  for (let i = 0; i < rows; i += 1) codes[i] = binOf(bins, values?.[i] ?? null);
  return codes;
}
