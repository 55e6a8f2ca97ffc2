import { fail } from '../base/errors/fail.ts';
import { numberText } from '../base/number-text.ts';
import type { FoundSlices } from '../monitoring/detect/find-slices.ts';
import type { ColumnValues, TableFile } from '../ports/table-file.ts';
import type { Call } from './command.ts';
import { type Option, option } from './option.ts';
import { column, list } from './option-kinds.ts';

/** Options of slices. */
export const sliceOptions = {
  loss: option(column, 'of slices: a column of losses in place of scores and labels'),
  ignore: option(list(column), 'of slices: columns to leave out, with commas between', []),
};

type Asked = Call<typeof sliceOptions & { readonly score: Option<readonly string[]>; readonly label: Option<string> }>;

/** The slices of one feature or two whose loss is highest, corrected for each slice that was looked at. Errors: DRIFT_COLUMN, DRIFT_LABEL. */
export async function reportSlices(call: Asked): Promise<void> {
  const { openTableFile } = await import('../site/table-files.ts');
  const { findSlices } = await import('../monitoring/detect/find-slices.ts');
  const table = await openTableFile(call.words[0]);
  try {
    const { losses, used } = await lossesOf(call, table);
    const ignore = new Set([...used, ...call.options.ignore]);
    const kept = Uint32Array.from([...losses.keys()].filter((i) => Number.isFinite(losses[i])));
    const columns = new Map<string, ColumnValues>();
    for (const { name } of table.columns)
      if (!ignore.has(name)) columns.set(name, rowsOf(await table.column(name), kept));
    write(
      call,
      findSlices(
        columns,
        Float64Array.from(kept, (i) => losses[i]),
      ),
    );
  } finally {
    await table.close();
  }
}

/** Squared for labels that are 0 and 1, absolute for others; NaN without a label. Errors: DRIFT_COLUMN, DRIFT_LABEL. */
async function lossesOf(
  { options: { loss, score: scores, label } }: Asked,
  table: TableFile,
): Promise<{ losses: Float64Array; used: readonly string[] }> {
  if (loss !== undefined) return { losses: await numbersOf(table, loss), used: [loss] };
  const score = scores.join(',');
  const [predicted, labels] = [await numbersOf(table, score), await numbersOf(table, label)];
  const isBinary = labels.every((value) => Number.isNaN(value) || value === 0 || value === 1);
  const losses = predicted.map((value, i) => (isBinary ? (value - labels[i]) ** 2 : Math.abs(value - labels[i])));
  return { losses, used: [score, label] };
}

async function numbersOf(table: TableFile, column: string): Promise<Float64Array> {
  if (!table.columns.some(({ name }) => name === column))
    throw fail('DRIFT_COLUMN', {
      what: 'column',
      column,
      path: table.path,
      known: table.columns.map(({ name }) => name),
    });
  const values = await table.column(column);
  if (values instanceof Float64Array) return values;
  return Float64Array.from(values, (text) => {
    if (text === null) return Number.NaN;
    const number = text === 'true' ? 1 : text === 'false' ? 0 : Number(text);
    if (Number.isNaN(number)) throw fail('DRIFT_LABEL', { column, path: table.path, value: text });
    return number;
  });
}

function rowsOf(values: ColumnValues, kept: Uint32Array): ColumnValues {
  return values instanceof Float64Array
    ? Float64Array.from(kept, (i) => values[i])
    : Array.from(kept, (i) => values[i]);
}

function write({ json, terminal }: Call, found: FoundSlices): void {
  if (json) return terminal.out(JSON.stringify(found));
  const { rows, loss, looked, slices, left } = found;
  terminal.out(
    `${rows} rows with a loss, mean ${numberText(loss, 4)}; ${looked} slices looked at, ${slices.length} are worse`,
  );
  for (const slice of slices)
    terminal.out(
      `${numberText(slice.loss, 4).padEnd(9)} rest ${numberText(slice.restLoss, 4).padEnd(9)} ${String(slice.rows).padEnd(8)} rows  adj. p ${numberText(slice.adjustedP, 2).padEnd(8)} ${slice.conditions.join(' and ')}`,
    );
  if (left.length > 0) terminal.out(`not looked at: ${left.join(', ')}`);
}
