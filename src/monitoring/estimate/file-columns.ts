import { type ColumnValues, isTime, type TableFile, type TableFileColumn } from '../../ports/table-file.ts';
import { domainClassifier } from '../../stats/domain-classifier.ts';
import { type ColumnChoice, chooseColumns, type ExcludedColumn } from '../detect/choose-columns.ts';
import { sideOfValues } from '../detect/column-side.ts';
import { kindOf, whyExcluded } from '../detect/feature-kind.ts';
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

/** Columns of two files that an estimate uses as features, and the others with their reasons. */
export interface FeatureColumns {
  readonly columns: readonly TableFileColumn[];
  readonly excluded: readonly ExcludedColumn[];
}

/** Chooses the features of an estimate. Error: DRIFT_COLUMN. */
export function featureColumns(
  reference: TableFile,
  current: TableFile,
  choice: ColumnChoice,
  used: readonly (readonly [column: string, role: string])[],
): FeatureColumns {
  const chosen = chooseColumns([reference, current], choice, used);
  const excluded: ExcludedColumn[] = [...chosen.excluded];
  const columns = chosen.columns.filter(({ name, type, declared }) => {
    const same = current.columns.find((column) => column.name === name);
    const reason = isTime(declared)
      ? 'it holds dates, which differ between any two spans'
      : same?.type === type
        ? null
        : 'its type is another in the current file';
    if (reason !== null) excluded.push({ name, reason });
    return reason === null;
  });
  return { columns, excluded };
}

/** Codes of both files' features, for the classifier, and which rows lie outside the reference's range or values. */
export async function domainOf(
  reference: TableFile,
  current: TableFile,
  { features, seed }: { readonly features: FeatureColumns; readonly seed: number },
): Promise<{ readonly domain: DomainOf; readonly excluded: readonly ExcludedColumn[] }> {
  const excluded: ExcludedColumn[] = [...features.excluded];
  const columns: { readonly ordered: boolean; readonly known: Uint8Array; readonly now: Uint8Array }[] = [];
  const outside = new Uint8Array(current.rows);
  for (const { name } of features.columns) {
    const [a, b] = [await reference.column(name), await current.column(name)];
    const side = sideOfValues(a);
    const kind = kindOf(side);
    const reason = whyExcluded(kind);
    if (reason !== null) {
      excluded.push({ name, reason });
      continue;
    }
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
  const domain: DomainOf = (from, to) => {
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
  return { domain, excluded };
}
