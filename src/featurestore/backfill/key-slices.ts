import { isHeadraceError } from '../../base/errors/fail.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import { quoted } from '../training-set/spine-file.ts';

/** Deliveries whose tiles are put together in memory at a time. */
export const SLICE_ROWS = 2_000_000;

/** Keys that are drawn for each slice: it can be halved six times. */
const DRAWN_A_SLICE = 64;

/** Deliveries of a source in the history. */
export function deliveriesOf({ view }: TileLayout, offline: OfflineStore): number {
  const { name } = rawTable(view.source);
  return offline.tables().find(({ table }) => table.name === name)?.rows ?? 0;
}

/** The columns of a key by which a store orders its keys: they begin with their lengths. */
export function keyOrder({ view }: TileLayout): readonly string[] {
  return Object.entries(view.entity.key).flatMap(([name, { type }]) =>
    type === 'text' ? [`strlen(k_${name})`, `k_${name}`] : [`k_${name}`],
  );
}

/**
 * The keys of a view in slices, in the order of a store. The aggregates of all keys may need more memory than there is: strings cannot
 * leave it for the disk.
 */
export class KeySlices {
  /** SQL that holds for keys before a bound, in the order of the bounds. */
  readonly #bounds: readonly string[];
  readonly #slices: number;

  private constructor(bounds: readonly string[], slices: number) {
    this.#bounds = bounds;
    this.#slices = slices;
  }

  /** All keys in one slice. */
  static readonly whole = new KeySlices([], 1);

  /** Slices of about `rows` deliveries each, by keys that are drawn from the history. */
  static async of(layout: TileLayout, offline: OfflineStore, rows = SLICE_ROWS): Promise<KeySlices> {
    const slices = Math.max(1, Math.ceil(deliveriesOf(layout, offline) / rows));
    const bounds = new Set<string>();
    const order = keyOrder(layout);
    const keys = Object.entries(layout.view.key).map(([name, column]) => `${quoted(column)} AS k_${name}`);
    const drawn = `SELECT ${keys.join(', ')} FROM ${offline.relation(rawTable(layout.view.source))}
USING SAMPLE reservoir(${slices * DRAWN_A_SLICE} ROWS) REPEATABLE (1)`;
    const columns = order.flatMap((column) => [`CAST(${column} AS VARCHAR)`, `typeof(${column})`]);
    const sql = `SELECT ${columns.join(', ')} FROM (${drawn}) AS drawn
WHERE ${order.map((column) => `${column} IS NOT NULL`).join(' AND ')} ORDER BY ${order.join(', ')}`;
    for await (const found of offline.query(sql)) for (const row of found) bounds.add(before(order, row));
    return new KeySlices([...bounds], slices);
  }

  /** Calls `work` for each slice in order, with SQL for its keys; for its halves where it finds no memory. */
  async *each<T>(work: (where: string) => Promise<T>): AsyncGenerator<T> {
    const end = this.#bounds.length + 1;
    const step = Math.ceil(end / this.#slices);
    for (let from = 0; from < end; from += step) yield* this.#slice(from, Math.min(from + step, end), work);
  }

  async *#slice<T>(from: number, to: number, work: (where: string) => Promise<T>): AsyncGenerator<T> {
    let done: T;
    try {
      done = await work(this.#within(from, to));
    } catch (error) {
      if (to - from < 2 || !isHeadraceError(error, 'OFFLINE_MEMORY')) throw error;
      const middle = (from + to) >> 1;
      yield* this.#slice(from, middle, work);
      yield* this.#slice(middle, to, work);
      return;
    }
    yield done;
  }

  /** From the key of a bound on, before that of another; the first and the last are open. */
  #within(from: number, to: number): string {
    const tests = [
      ...(from === 0 ? [] : [`NOT (${this.#bounds[from - 1]})`]),
      ...(to > this.#bounds.length ? [] : [`(${this.#bounds[to - 1]})`]),
    ];
    return tests.length === 0 ? 'true' : tests.join(' AND ');
  }
}

/** Whether columns are before values, each of which is given as text and its type. */
function before(order: readonly string[], values: readonly OfflineValue[]): string {
  let test = 'false';
  for (let i = order.length - 1; i >= 0; i -= 1) {
    const value = `CAST('${String(values[2 * i]).replaceAll("'", "''")}' AS ${String(values[2 * i + 1])})`;
    test = `${order[i]} < ${value} OR (${order[i]} = ${value} AND (${test}))`;
  }
  return test;
}
