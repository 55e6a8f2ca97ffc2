import type { ColumnValues, TableFile } from '../../ports/table-file.ts';
import { domainClassifier } from '../../stats/domain-classifier.ts';
import { sideOfValues } from '../detect/column-side.ts';
import { kindOf } from '../detect/feature-kind.ts';
import { referenceBins } from '../detect/reference-bins.ts';
import { binOf, type FrozenBins } from '../profile/frozen-bins.ts';

/** A column as numbers; true and false as 1 and 0, NaN where there is none. */
export async function numbersOf(table: TableFile, name: string): Promise<Float64Array> {
  const values = await table.column(name);
  if (values instanceof Float64Array) return values;
  return Float64Array.from(values, (text) =>
    text === null ? Number.NaN : text === 'true' ? 1 : text === 'false' ? 0 : Number(text),
  );
}

function codesOf(bins: FrozenBins, values: ColumnValues): Uint8Array {
  const codes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i += 1) codes[i] = binOf(bins, values[i]);
  return codes;
}

/** How far rows [from, to) of a file are from the reference. */
export type DomainOf = (from: number, to: number) => { readonly outsideShare: number; readonly auc: number | null };

const SAMPLE = 3000;

/** Codes of both files' features, for the classifier, and which rows lie outside the reference's range or values. */
export async function domainOf(
  reference: TableFile,
  current: TableFile,
  { leave, seed }: { readonly leave: readonly string[]; readonly seed: number },
): Promise<DomainOf> {
  const left = new Set(leave);
  const columns: { readonly ordered: boolean; readonly known: Uint8Array; readonly now: Uint8Array }[] = [];
  const outside = new Uint8Array(current.rows);
  for (const { name, type, declared } of reference.columns) {
    const same = current.columns.find((column) => column.name === name);
    if (left.has(name) || same?.type !== type || /^(DATE|TIME)/.test(declared)) continue;
    const [a, b] = [await reference.column(name), await current.column(name)];
    const side = sideOfValues(a);
    const kind = kindOf(side);
    if (kind === 'identifier' || kind === 'empty') continue;
    const bins: FrozenBins = referenceBins(side, kind);
    columns.push({
      ordered: bins.kind === 'edges',
      known: codesOf(bins, a),
      now: codesOf(bins, b),
    });
    for (let i = 0; i < b.length; i += 1) {
      const value = b[i];
      if (typeof value !== 'number' || side.least === null || side.greatest === null) continue;
      // The ends of a sample are not the ends of the world: a tenth beyond them is still inside.
      const slack = (side.greatest - side.least) * 0.1;
      if (value < side.least - slack || value > side.greatest + slack) outside[i] = 1;
    }
  }
  const spread = (count: number, from: number, to: number) =>
    Array.from({ length: count }, (_, i) => from + Math.floor((i * (to - from)) / count));
  return (from, to) => {
    const n = Math.min(SAMPLE, reference.rows);
    const m = Math.min(SAMPLE, to - from);
    const [known, now] = [spread(n, 0, reference.rows), spread(m, from, to)];
    const found = domainClassifier(
      {
        columns: columns.map((one) =>
          Uint8Array.from([...known.map((r) => one.known[r]), ...now.map((r) => one.now[r])]),
        ),
        ordered: columns.map(({ ordered }) => ordered),
        domain: Uint8Array.from({ length: n + m }, (_, i) => (i < n ? 0 : 1)),
      },
      seed,
    );
    let sum = 0;
    for (let r = from; r < to; r += 1) sum += outside[r];
    return { outsideShare: to === from ? 0 : sum / (to - from), auc: found?.auc ?? null };
  };
}
