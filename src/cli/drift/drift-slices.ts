import { fail } from '../../base/errors/fail.ts';
import { numberText } from '../../base/number-text.ts';
import { chooseColumns, requireColumn } from '../../monitoring/detect/choose-columns.ts';
import type { FoundSlices } from '../../monitoring/detect/find-slices.ts';
import { excludedLines } from '../../monitoring/report/comparison-text.ts';
import type { ColumnValues, TableFile } from '../../ports/table-file.ts';
import type { Call } from '../command.ts';
import { columnChoice, type columnOptions } from '../options/column-options.ts';
import { type Option, option } from '../options/option.ts';
import { column } from '../options/option-kinds.ts';

/** Options of slices. */
export const sliceOptions = {
  loss: option(column, 'of slices: a column of losses in place of scores and labels'),
};

type Asked = Call<
  typeof sliceOptions &
    typeof columnOptions & { readonly score: Option<readonly string[]>; readonly label: Option<string> }
>;

/** The slices of one feature or two whose loss is highest, corrected for each slice that was looked at. Errors: DRIFT_COLUMN, DRIFT_LABEL. */
export async function reportSlices(call: Asked): Promise<void> {
  const { openTableFile } = await import('../../site/table-files.ts');
  const { findSlices } = await import('../../monitoring/detect/find-slices.ts');
  const table = await openTableFile(call.words[0]);
  try {
    const { losses, used } = await lossesOf(call, table);
    const chosen = chooseColumns([table], columnChoice(call), used);
    const kept = Uint32Array.from([...losses.keys()].filter((i) => Number.isFinite(losses[i])));
    const columns = new Map<string, ColumnValues>();
    for (const { name } of chosen.columns) columns.set(name, rowsOf(await table.column(name), kept));
    const found = findSlices(
      columns,
      Float64Array.from(kept, (i) => losses[i]),
    );
    write(call, { ...found, excluded: [...chosen.excluded, ...found.excluded] });
  } finally {
    await table.close();
  }
}

/** Squared for labels that are 0 and 1, absolute for others; NaN without a label. Errors: DRIFT_COLUMN, DRIFT_LABEL. */
async function lossesOf(
  { options: { loss, score: scores, label } }: Asked,
  table: TableFile,
): Promise<{ losses: Float64Array; used: readonly (readonly [string, string])[] }> {
  if (loss !== undefined) return { losses: await numbersOf(table, loss), used: [[loss, 'the loss']] };
  const score = scores.join(',');
  const [predicted, labels] = [await numbersOf(table, score), await numbersOf(table, label)];
  const isBinary = labels.every((value) => Number.isNaN(value) || value === 0 || value === 1);
  const losses = predicted.map((value, i) => (isBinary ? (value - labels[i]) ** 2 : Math.abs(value - labels[i])));
  return {
    losses,
    used: [
      [score, 'the score'],
      [label, 'the label'],
    ],
  };
}

async function numbersOf(table: TableFile, column: string): Promise<Float64Array> {
  requireColumn('column', column, table);
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
  const { rows, loss, looked, slices, excluded } = found;
  terminal.out(
    `${rows} rows with a loss, mean ${numberText(loss, 4)}; ${looked} slices looked at, ${slices.length} are worse`,
  );
  for (const slice of slices)
    terminal.out(
      `${numberText(slice.loss, 4).padEnd(9)} rest ${numberText(slice.restLoss, 4).padEnd(9)} ${String(slice.rows).padEnd(8)} rows  adj. p ${numberText(slice.adjustedP, 2).padEnd(8)} ${slice.conditions.join(' and ')}`,
    );
  for (const line of excludedLines(excluded)) terminal.out(line);
}
