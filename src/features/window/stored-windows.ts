import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { fnv1a32 } from '../../base/hash/fnv.ts';
import { floorTo } from '../../base/time.ts';
import { decodeTile, encodeTile } from '../tile/tile-codec.ts';
import { COUNT, GENERATION, MAX_TS, START, type TileLayout } from '../tile/tile-layout.ts';
import { copyTile, emptyRun, lowerBound, type TileRun } from '../tile/tile-run.ts';
import { TileRanges } from './tile-ranges.ts';
import { type SpannedWindow, spannedWindows } from './view-windows.ts';

/**
 * The windows of a key, merged by the process that writes its tiles, so that a read of the present takes one tile of each. All its events
 * being past, a window that begins at `from` is everything from the first tile at or after it on: that is kept merged for the
 * window as it was when its key was written, and as it is when the first of its tiles have left it, one after the other.
 *
 * ```
 * windows = format declared latest *(window)  ; the distinct windows of the view, in the order of its features
 * format  = %x01
 * declared = varint                 ; hash of what the windows are
 * latest  = int                     ; the key's latest event, epoch ms
 * window  = size base last *(entry)
 * size    = varint                  ; bytes that follow
 * base    = int                     ; where the window began, in hops; 0 of one without a beginning
 * last    = varint                  ; the key's last tile, in hops behind base, and 1; 0: none is left
 * entry   = size tile               ; the later it begins the earlier it comes
 * tile    = as tile/tile-codec.ts writes it: all from its start on; its start as from base, time and generation 0
 * ```
 */
const FORMAT = 1;

/** Tiles that may leave a window before it is merged again. */
const LEAVING = 7;

/** Bytes above which they are not kept: long texts. */
const MOST_BYTES = 4_096;

/** The size of a tile in numbers above which fewer merges are kept. */
const MOST_NUMBERS = 64;

/** Whether what the windows of a view merge to is kept with its tiles: where it is small whatever the events are. */
export function storesWindows({ view, numbers, partials }: TileLayout): boolean {
  return (
    view.features.length > 0 &&
    numbers <= MOST_NUMBERS &&
    partials.every(({ aggregate }, i) => aggregate.objects === 0 || isSmall(view.aggregates[i]))
  );
}

/** Of those with objects: one value and one id. */
function isSmall({ kind, inputType, retracts }: TileLayout['view']['aggregates'][number]): boolean {
  return (kind === 'first' || kind === 'last') && inputType?.type !== 'embedding' && retracts !== true;
}

/** Merges and writes the windows of keys of one view. Hot path: made once per view, not reentrant. */
export class WindowsWriter {
  readonly #layout: TileLayout;
  readonly #windows: readonly SpannedWindow[];
  readonly #declared: number;
  readonly #ranges: TileRanges;
  readonly #merged: TileRun;
  readonly #relative: TileRun;
  readonly #bytes = new ByteWriter(1_024);
  readonly #window = new ByteWriter(1_024);
  readonly #tile = new ByteWriter(256);

  constructor(layout: TileLayout) {
    this.#layout = layout;
    this.#windows = spannedWindows(layout.view);
    this.#declared = declaredOf(this.#windows);
    this.#ranges = new TileRanges(layout);
    this.#merged = { ...emptyRun(layout, 1), length: 1 };
    this.#relative = { ...emptyRun(layout, 1), length: 1 };
  }

  /** The windows of a key as of `now`, from all its tiles by hop, valid until the next call; null where they are not kept. */
  write(runs: readonly TileRun[], now: number): Uint8Array | null {
    const top = runs[runs.length - 1];
    if (top === undefined || top.length === 0 || !Number.isFinite(now)) return null;
    const latest = top.nums[(top.length - 1) * this.#layout.numbers + MAX_TS];
    // All are past there: the tile at the right edge is one of the largest.
    this.#ranges.choose(runs, latest + 1);
    const bytes = this.#bytes;
    bytes.clear();
    bytes.u8(FORMAT);
    bytes.varint(this.#declared);
    bytes.int(latest);
    for (const window of this.#windows) {
      this.#writeWindow(runs, window, now);
      bytes.varint(this.#window.length);
      bytes.bytes(this.#window.view());
    }
    return bytes.length > MOST_BYTES ? null : bytes.view();
  }

  #writeWindow(runs: readonly TileRun[], { reachMs, hopMs, hop }: SpannedWindow, now: number): void {
    const [window, { numbers }] = [this.#window, this.#layout];
    const run = runs[hop];
    const isBounded = Number.isFinite(reachMs);
    const from = floorTo(now - reachMs, hopMs);
    const first = isBounded ? lowerBound(run, this.#layout, from) : 0;
    const base = isBounded ? from : run.nums[START];
    window.clear();
    window.int(isBounded ? base / hopMs : 0);
    if (first >= run.length) {
      window.varint(0);
      return;
    }
    window.varint((run.nums[(run.length - 1) * numbers + START] - base) / hopMs + 1);
    const end = isBounded ? Math.min(first + LEAVING, run.length - 1) : first;
    const start = run.nums[end * numbers + START];
    this.#prepare();
    this.#ranges.coverBody(runs, start);
    this.#mergeRanges(runs);
    this.#ranges.coverHead(runs, start);
    this.#mergeRanges(runs);
    this.#writeEntry(start - base, hopMs);
    for (let i = end - 1; i >= first; i -= 1) {
      this.#merge(run, i, 1);
      this.#writeEntry(run.nums[i * numbers + START] - base, hopMs);
    }
  }

  #prepare(): void {
    const { numbers, objects, partials } = this.#layout;
    this.#merged.nums.fill(0, 0, numbers);
    this.#merged.objs.length = objects;
    for (const { aggregate, num, obj } of partials) aggregate.prepare(this.#merged, num, obj);
  }

  #mergeRanges(runs: readonly TileRun[]): void {
    const { ranges, end } = this.#ranges;
    for (let r = 0; r < end; r += 3) this.#merge(runs[ranges[r]], ranges[r + 1], ranges[r + 2] - ranges[r + 1]);
  }

  #merge(run: TileRun, first: number, tiles: number): void {
    const { numbers, objects, partials } = this.#layout;
    const merged = this.#merged;
    for (let i = first; i < first + tiles; i += 1) merged.nums[COUNT] += run.nums[i * numbers + COUNT];
    for (const { aggregate, num, obj } of partials)
      aggregate.mergeRange(
        merged,
        num,
        obj,
        run,
        first * numbers + num,
        first * objects + obj,
        numbers,
        objects,
        tiles,
      );
  }

  #writeEntry(start: number, hopMs: number): void {
    const [tile, relative] = [this.#tile, this.#relative];
    copyTile(this.#layout, relative, 0, this.#merged, 0);
    relative.nums[START] = start;
    relative.nums[MAX_TS] = 0;
    relative.nums[GENERATION] = 0;
    tile.clear();
    encodeTile(tile, this.#layout, hopMs, relative, 0);
    this.#window.varint(tile.length);
    this.#window.bytes(tile.view());
  }
}

const heads = new ByteReader('the windows of a key');

/** The latest event of a key, by its stored windows, epoch ms; null: they are of another format. */
export function latestOfWindows(bytes: Uint8Array): number | null {
  heads.reset(bytes);
  if (heads.u8() !== FORMAT) return null;
  heads.varint();
  return heads.int();
}

/** Reads what {@link WindowsWriter} wrote, window after window. Hot path: made once per reader, not reentrant. */
export class StoredWindows {
  /** The merged tile of the current window: number of tiles in place of its start, the key's latest event. */
  readonly tile: TileRun;
  /** Whether a tile is in the current window. */
  isEmpty = true;
  readonly #layout: TileLayout;
  readonly #windows: readonly SpannedWindow[];
  readonly #declared: number;
  readonly #bytes = new ByteReader('the windows of a key');
  #latest = Number.NEGATIVE_INFINITY;

  constructor(layout: TileLayout) {
    this.#layout = layout;
    this.#windows = spannedWindows(layout.view);
    this.#declared = declaredOf(this.#windows);
    this.tile = emptyRun(layout, 1);
  }

  /** Begins with a key's windows; whether they may answer at `q`. Error: BYTES_DAMAGED. */
  open(bytes: Uint8Array, q: number): boolean {
    const reader = this.#bytes;
    reader.reset(bytes);
    // Windows of another version are read from the tiles.
    if (reader.u8() !== FORMAT) return false;
    const declared = reader.varint();
    this.#latest = reader.int();
    return declared === this.#declared && this.#latest < q;
  }

  /** Goes on to window `w`, the next one, as it is where it begins at `from`; false where it is not kept so. Error: BYTES_DAMAGED. */
  next(w: number, from: number): boolean {
    const reader = this.#bytes;
    const { hopMs, reachMs } = this.#windows[w];
    const size = reader.varint();
    if (size > reader.remaining) throw reader.damaged('they end early');
    const end = reader.offset + size;
    const base = reader.int() * hopMs;
    const last = reader.varint();
    const isBounded = Number.isFinite(reachMs);
    if (isBounded && from < base) return false;
    this.isEmpty = last === 0 || (isBounded && from > base + (last - 1) * hopMs);
    if (this.isEmpty) {
      reader.skip(end - reader.offset);
      return true;
    }
    let found = -1;
    while (reader.offset < end) {
      const next = reader.varint() + reader.offset;
      const at = reader.offset;
      if (isBounded && base + reader.int() * hopMs < from) break;
      found = at;
      reader.offset = next;
    }
    if (found < 0) return false;
    reader.offset = found;
    this.tile.length = 0;
    decodeTile(reader, this.#layout, hopMs, this.tile);
    this.tile.nums[START] = 1;
    this.tile.nums[MAX_TS] = this.#latest;
    if (reader.offset > end) throw reader.damaged('a window is not as long as it says');
    reader.offset = end;
    return true;
  }
}

function declaredOf(windows: readonly SpannedWindow[]): number {
  return fnv1a32(windows.map(({ reachMs, hopMs }) => `${reachMs}/${hopMs}`).join());
}
