import {
  HOURS_OF_WEEK,
  hourOfWeek,
  type SeasonalCell,
  type SeasonalColumn,
  type SeasonalCounts,
  spansSeasons,
} from '../detect/seasonal-counts.ts';
import { bounded } from '../profile/column-sketch.ts';
import { binOf, type FrozenBins } from '../profile/frozen-bins.ts';

/** A column to be counted. */
export interface CountedColumn {
  readonly name: string;
  readonly type: 'number' | 'text';
  readonly bins: FrozenBins;
}

/** Counts rows by chunk and hour of the week over frozen bins. */
export class SeasonalBuilder {
  readonly #columns: readonly (CountedColumn & SeasonalColumn)[];
  readonly #cells: SeasonalCell[] = [];
  readonly #places = new Map<number, number>();
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;

  constructor(columns: readonly CountedColumn[]) {
    this.#columns = columns.map((column) => ({
      ...column,
      width: column.bins.count + 1,
      counts: new Float64Array(0),
      moments: column.type === 'number' ? new Float64Array(3 * HOURS_OF_WEEK) : null,
    }));
  }

  /** Adds rows [from, to) of columns in the order of the constructor. A row without an instant is in no hour. */
  add(
    chunk: number,
    times: ArrayLike<number | string | null>,
    values: readonly ArrayLike<number | string | null>[],
    { from, to }: { readonly from: number; readonly to: number },
  ): void {
    for (let row = from; row < to; row += 1) {
      const at = times[row];
      if (typeof at !== 'number' || !Number.isFinite(at)) continue;
      this.#from = Math.min(this.#from, at);
      this.#to = Math.max(this.#to, at);
      const hour = hourOfWeek(at);
      const cell = this.#cellOf(chunk, hour);
      this.#cells[cell].rows += 1;
      for (const [c, column] of this.#columns.entries()) addValue(column, cell, hour, values[c][row]);
    }
  }

  /** Null: the rows span less than two days. */
  finish(): SeasonalCounts | null {
    const span = { from: this.#from, to: this.#to };
    if (!spansSeasons(span)) return null;
    const columns = new Map(
      this.#columns.map(({ name, width, counts, moments }) => {
        return [name, { width, counts: counts.slice(0, this.#cells.length * width), moments }] as const;
      }),
    );
    return { ...span, cells: this.#cells, columns };
  }

  #cellOf(chunk: number, hour: number): number {
    const key = chunk * HOURS_OF_WEEK + hour;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place = this.#cells.push({ chunk, hour, rows: 0 }) - 1;
    this.#places.set(key, place);
    for (const column of this.#columns) {
      if (column.counts.length >= (place + 1) * column.width) continue;
      const grown = new Float64Array(Math.max(64, 2 * place) * column.width);
      grown.set(column.counts);
      column.counts = grown;
    }
    return place;
  }
}

function addValue(
  { bins, width, counts, moments }: CountedColumn & SeasonalColumn,
  cell: number,
  hour: number,
  given: number | string | null,
): void {
  const value = given !== null && moments === null ? String(given) : given;
  counts[cell * width + binOf(bins, value)] += 1;
  if (moments === null || typeof value !== 'number' || !Number.isFinite(value)) return;
  const n = moments[3 * hour] + 1;
  const gap = value - moments[3 * hour + 1];
  moments[3 * hour] = n;
  // Without a sum that overflows.
  moments[3 * hour + 1] += value / n - moments[3 * hour + 1] / n;
  moments[3 * hour + 2] = bounded(moments[3 * hour + 2] + gap * (value - moments[3 * hour + 1]));
}
