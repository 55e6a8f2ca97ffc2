import { rawTable } from '../../features/plan/raw-table.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import type { Slice } from '../../schedule/fitting-slices.ts';
import { orderOf } from '../key-order.ts';
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

/** The columns of a key by which a store orders its keys. */
export function keyOrder({ view }: TileLayout): readonly string[] {
  return Object.entries(view.entity.key).flatMap(([name, { type }]) => orderOf(type, `k_${name}`));
}

/** The keys between two bounds; `rows`: deliveries of a source, about. */
export interface KeySlice extends Slice {
  readonly from: number;
  readonly to: number;
  /** SQL that holds for its keys. */
  readonly where: string;
}

/**
 * The keys of a view in slices, in the order of a store. The aggregates of all keys may need more memory than there is: strings cannot
 * leave it for the disk.
 */
export class KeySlices {
  /** SQL that holds for keys before a bound, in the order of the bounds. */
  readonly #bounds: readonly string[];
  readonly #slices: number;
  /** Deliveries between two bounds, about. */
  readonly #rowsBetween: number;

  private constructor(bounds: readonly string[], slices: number, deliveries: number) {
    this.#bounds = bounds;
    this.#slices = slices;
    this.#rowsBetween = Math.ceil(deliveries / (bounds.length + 1));
  }

  /** All keys in one slice. */
  static readonly whole = new KeySlices([], 1, Number.POSITIVE_INFINITY);

  /** Slices of about `rows` deliveries each, by keys that are drawn from the history. */
  static async of(layout: TileLayout, offline: OfflineStore, rows = SLICE_ROWS): Promise<KeySlices> {
    const deliveries = deliveriesOf(layout, offline);
    const slices = Math.max(1, Math.ceil(deliveries / rows));
    const bounds = new Set<string>();
    const order = keyOrder(layout);
    const keys = Object.entries(layout.view.key).map(([name, column]) => `${quoted(column)} AS k_${name}`);
    const drawn = `SELECT ${keys.join(', ')} FROM ${offline.relation(rawTable(layout.view.source))}
USING SAMPLE reservoir(${slices * DRAWN_A_SLICE} ROWS) REPEATABLE (1)`;
    const columns = order.flatMap((column) => [`CAST(${column} AS VARCHAR)`, `typeof(${column})`]);
    const sql = `SELECT ${columns.join(', ')} FROM (${drawn}) AS drawn
WHERE ${order.map((column) => `${column} IS NOT NULL`).join(' AND ')} ORDER BY ${order.join(', ')}`;
    for await (const found of offline.query(sql)) for (const row of found) bounds.add(before(order, row));
    return new KeySlices([...bounds], slices, deliveries);
  }

  /** All slices, in order. */
  get all(): readonly KeySlice[] {
    const end = this.#bounds.length + 1;
    const step = Math.ceil(end / this.#slices);
    return Array.from({ length: Math.ceil(end / step) }, (_, i) =>
      this.#slice(i * step, Math.min((i + 1) * step, end)),
    );
  }

  /** The halves of a slice; null: it has no bound within. */
  readonly cut = async ({ from, to }: KeySlice): Promise<readonly [KeySlice, KeySlice] | null> => {
    const middle = (from + to) >> 1;
    return middle === from ? null : [this.#slice(from, middle), this.#slice(middle, to)];
  };

  #slice(from: number, to: number): KeySlice {
    return { from, to, rows: (to - from) * this.#rowsBetween, where: this.#within(from, to) };
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
