import { ByteReader, ByteWriter } from '../../../base/bytes.ts';
import type { BatchRow } from '../../../ports/online-store.ts';
import type { Columns } from '../../../schema/column.ts';
import { rowCodec } from '../../../schema/row-codec.ts';
import { type KeepsPart, putPart } from './entity-records.ts';
import type { Entries } from './entries.ts';
import { recordPlace } from './store-keys.ts';

/** Rows of a transaction: other writes wait for it, and readers for the copying of the rows. */
export const ROWS_AT_ONCE = 2_000;

/** Where the rows of a generation go. */
export interface RowsPlace {
  /** The number of the view in the store. */
  readonly view: number;
  readonly attempt: number;
  /** Attempts whose rows are read: those of others leave the records on the way. */
  readonly kept: readonly (number | null)[];
}

/**
 * Rows of a batch view, as the thread that writes takes them.
 *
 * ```
 * rows = *(size place size content)  ; sizes are varints, place is that of the key's record
 * ```
 */
export interface RowsOrder extends RowsPlace {
  readonly kind: 'rows';
  readonly rows: Uint8Array<ArrayBuffer>;
}

/** Copies rows into orders of one transaction each. */
export function* rowOrders(
  place: RowsPlace,
  features: Columns,
  rows: readonly BatchRow[],
): Generator<RowsOrder, void, undefined> {
  const { encode } = rowCodec(features);
  const bytes = new ByteWriter(2 ** 16);
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    bytes.clear();
    for (const { key, values } of rows.slice(from, from + ROWS_AT_ONCE))
      for (const part of [recordPlace(key), encode(values)]) {
        bytes.varint(part.length);
        bytes.bytes(part);
      }
    yield { kind: 'rows', ...place, rows: Uint8Array.from(bytes.view()) };
  }
}

/** Writes the rows of an order, in one transaction. Errors: STORE_WRITE, STORE_CORRUPT. */
export function writeRows(entries: Entries, { view, attempt, kept, rows }: RowsOrder): void {
  const keeps: KeepsPart = (of, by) => of !== view || kept.includes(by);
  const reader = new ByteReader('rows of a batch view', rows);
  entries.write(() => {
    while (reader.remaining > 0) {
      const place = reader.bytes(reader.varint());
      putPart(entries, place, { view, attempt, content: reader.bytes(reader.varint()) }, keeps);
    }
  });
}
