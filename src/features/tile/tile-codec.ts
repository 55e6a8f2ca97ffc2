import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { COUNT, GENERATION, MAX_TS, START, type TileLayout } from './tile-layout.ts';
import { appendSlot, type TileRun } from './tile-run.ts';

/**
 * Tiles as bytes. Equal tiles have equal bytes. Hot path.
 *
 * ```
 * tile    = index *(group) *(object)
 * index   = int                     ; tile start / hop
 * group   = mask 1*48(number)       ; the numbers behind the start, 48 to a group, fewer in the last
 * mask    = varint                  ; bit i: number i of the group is written as f64, else as int
 * number  = int / f64               ; n, max time, generation, then the partials' numbers
 * object  = as the aggregate's codec writes its object slots
 * ```
 * The framing (format version, number of tiles) belongs to the store.
 */
export function encodeTile(writer: ByteWriter, layout: TileLayout, hopMs: number, run: TileRun, index: number): void {
  const at = index * layout.numbers;
  const end = at + layout.numbers;
  writer.int(run.nums[at + START] / hopMs);
  for (let i = at + 1; i < end; i += GROUP) encodeGroup(writer, run.nums, i, Math.min(i + GROUP, end));
  for (const { aggregate, obj } of layout.partials) aggregate.codec?.encode(writer, run, index * layout.objects + obj);
}

/**
 * Reads one tile and appends it to the run. Error: BYTES_DAMAGED, also for numbers that no partial can have; the run
 * then ends with a tile that must not be used.
 */
export function decodeTile(reader: ByteReader, layout: TileLayout, hopMs: number, into: TileRun): void {
  const index = appendSlot(layout, into);
  const at = index * layout.numbers;
  const end = at + layout.numbers;
  into.nums[at + START] = reader.int() * hopMs;
  for (let i = at + 1; i < end; i += GROUP) decodeGroup(reader, into.nums, i, Math.min(i + GROUP, end));
  if (!isSound(layout, into.nums, at)) throw reader.damaged('a number of a tile is out of range');
  for (const { aggregate, obj } of layout.partials) aggregate.codec?.decode(reader, into, index * layout.objects + obj);
}

/** Numbers of a group: their mask stays within a safe integer. */
const GROUP = 48;

function encodeGroup(writer: ByteWriter, nums: Float64Array, from: number, to: number): void {
  let mask = 0;
  for (let i = from, bit = 1; i < to; i += 1, bit *= 2) if (!isPlainInteger(nums[i])) mask += bit;
  writer.varint(mask);
  for (let i = from; i < to; i += 1) {
    if (isPlainInteger(nums[i])) writer.int(nums[i]);
    else writer.f64(nums[i]);
  }
}

function decodeGroup(reader: ByteReader, nums: Float64Array, from: number, to: number): void {
  let mask = reader.varint();
  if (mask === 0) {
    reader.ints(nums, from, to);
    return;
  }
  for (let i = from; i < to; i += 1) {
    nums[i] = mask % 2 === 1 ? reader.f64() : reader.int();
    mask = Math.floor(mask / 2);
  }
}

/** Whether the numbers can be those of a tile with at least one event. */
function isSound({ partials }: TileLayout, nums: Float64Array, at: number): boolean {
  const header =
    Number.isSafeInteger(nums[at + START]) &&
    Number.isSafeInteger(nums[at + MAX_TS]) &&
    nums[at + COUNT] > 0 &&
    nums[at + GENERATION] >= 0;
  if (!header || !Number.isSafeInteger(nums[at + COUNT]) || !Number.isSafeInteger(nums[at + GENERATION])) return false;
  for (const { aggregate, num } of partials) if (!aggregate.isSound(nums, at + num)) return false;
  return true;
}

function isPlainInteger(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}
