import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { START, type TileLayout } from './tile-layout.ts';
import { appendSlot, type TileRun } from './tile-run.ts';

/**
 * Tiles as bytes. Equal tiles have equal bytes. Hot path.
 *
 * ```
 * tile    = index mask *(number) *(object)
 * index   = int                     ; tile start / hop
 * mask    = varint                  ; bit i: number i (behind the start) is written as f64, else as int
 * number  = int / f64               ; n, max time, generation, then the partials' numbers
 * object  = as the aggregate's codec writes its object slots
 * ```
 * The framing (format version, number of tiles) belongs to the store.
 */
export function encodeTile(writer: ByteWriter, layout: TileLayout, hopMs: number, run: TileRun, index: number): void {
  const { nums } = run;
  const at = index * layout.numbers;
  const end = at + layout.numbers;
  writer.int(nums[at + START] / hopMs);
  let mask = 0;
  let bit = 1;
  for (let i = at + 1; i < end; i += 1, bit *= 2) if (!isPlainInteger(nums[i])) mask += bit;
  writer.varint(mask);
  for (let i = at + 1; i < end; i += 1) {
    if (isPlainInteger(nums[i])) writer.int(nums[i]);
    else writer.f64(nums[i]);
  }
  for (const { aggregate, obj } of layout.partials) aggregate.codec?.encode(writer, run, index * layout.objects + obj);
}

/** Reads one tile and appends it to the run. Error: BYTES_DAMAGED. */
export function decodeTile(reader: ByteReader, layout: TileLayout, hopMs: number, into: TileRun): void {
  const index = appendSlot(layout, into);
  const at = index * layout.numbers;
  const end = at + layout.numbers;
  into.nums[at + START] = reader.int() * hopMs;
  let mask = reader.varint();
  for (let i = at + 1; i < end; i += 1) {
    into.nums[i] = mask % 2 === 1 ? reader.f64() : reader.int();
    mask = Math.floor(mask / 2);
  }
  for (const { aggregate, obj } of layout.partials) aggregate.codec?.decode(reader, into, index * layout.objects + obj);
}

/** Most numbers a tile can have: the mask is a safe integer. */
export const MOST_NUMBERS = 53;

function isPlainInteger(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}
