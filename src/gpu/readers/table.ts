import { fail } from '../../base/errors/fail.ts';
import { csvFields, plainNumber, printedNumber, wholeLines } from './csv.ts';

/** One row of a table. A column that the table or the row lacks is undefined, or NaN. */
export interface TableRow {
  text(column: string): string | undefined;
  /** A number as tools print it, with a unit or thousands commas. */
  printed(column: string): number;
  /** A number and nothing else. */
  number(column: string): number;
  readonly fields: readonly string[];
}

/** A CSV text by the names of its columns. */
export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly TableRow[];
}

export interface TableOptions {
  /** The name of the file in errors. */
  readonly kind: string;
  /** Columns without which the file has no answer. */
  readonly needs?: readonly string[];
  readonly separator?: string;
}

/**
 * Reads a CSV text. White space around names and cells does not count. A last row that was cut is left out.
 * Errors: GPU_DAMAGED without a column that is needed.
 */
export function parseTable(text: string, { kind, needs = [], separator = ',' }: TableOptions): Table {
  const lines = wholeLines(text.replace(/^\uFEFF/, '')).filter((line) => line.trim() !== '');
  const header = csvFields(lines[0] ?? '', separator).map((name) => name.trim());
  const missing = needs.find((name) => !header.includes(name));
  if (missing !== undefined) throw fail('GPU_DAMAGED', { kind, reason: `it has no column ${missing}` });
  const places = new Map(header.map((name, at) => [name, at] as const).toReversed());
  return {
    header,
    rows: lines.slice(1).map((line) => rowOf(csvFields(line, separator), places)),
  };
}

function rowOf(fields: readonly string[], places: ReadonlyMap<string, number>): TableRow {
  const text = (column: string) => {
    const at = places.get(column);
    return at === undefined ? undefined : fields[at]?.trim();
  };
  return {
    fields,
    text,
    printed: (column) => printedNumber(text(column)),
    number: (column) => plainNumber(text(column)),
  };
}
