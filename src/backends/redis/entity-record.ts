import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { fail } from '../../base/errors/fail.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import { encodeBlock, hopAndBlock, runOfBlocks, type StoredBlock, TILES_PER_BLOCK, writesOf } from './tile-block.ts';

/**
 * All that the store has of an entity, as one string: what its windows merge to, its tiles and its batch rows, each a section. Scripts
 * of the server change it (record-scripts.ts). Tiles that are too long for it are fields of a hash under the same name.
 *
 * ```
 * record = format out *(section)
 * format = %x01
 * out    = varint                  ; of sections in the hash: 0: there are none; 1: one never expires; else the longest life, and 1
 * section = size name size bytes   ; sizes: varint
 * name   = "w" id                  ; stored windows, features/window/stored-windows.ts
 *        / "t" id                  ; tiles
 *        / "b" view attempt        ; a row of a batch view
 * id     = view [part]             ; part: of a nested key, what comes after its first part; as an entity in store-keys.ts
 * view   = 6OCTET                  ; codeOf of store-keys.ts
 * attempt = 6OCTET                 ; batch-rows.ts
 * tiles  = life size stamp *(size name size block) ; stamp, name and block: tile-block.ts
 * life   = varint                  ; hours that they are kept after they were last written; 0: for ever
 * ```
 */
const FORMAT = 1;
const WINDOWS = 'w';
const TILES = 't';
const ROW = 'b';

export function windowsName(id: string): string {
  return WINDOWS + id;
}

export function tilesName(id: string): string {
  return TILES + id;
}

export function rowName(code: string, attempt = ''): string {
  return ROW + code + attempt;
}

/** The bytes of a section of a record; null: it is not in there. Errors: BYTES_VERSION, BYTES_DAMAGED. Hot path. */
export function sectionOf(record: Buffer | null, name: Buffer): Buffer | null {
  return record === null ? null : findSection(record, name, true);
}

/** The first section of a name, or of one that begins so. */
function findSection(record: Buffer, name: Buffer, isWhole: boolean): Buffer | null {
  if (record[0] !== FORMAT)
    throw fail('BYTES_VERSION', { what: 'the record of an entity', found: record[0] ?? 0, known: FORMAT });
  const { length } = name;
  let at = afterVarint(record, 1);
  while (at < record.length) {
    const size = varintAt(record, at);
    const from = afterVarint(record, at);
    const bytes = varintAt(record, from + size);
    const start = afterVarint(record, from + size);
    at = start + bytes;
    if (at > record.length) throw new ByteReader('the record of an entity').damaged('a section ends early');
    if ((isWhole ? size === length : size >= length) && isAt(record, from, name)) return record.subarray(start, at);
  }
  return null;
}

function isAt(record: Buffer, from: number, name: Buffer): boolean {
  for (let i = name.length - 1; i >= 0; i -= 1) if (record[from + i] !== name[i]) return false;
  return true;
}

/** Sizes of sections are below 2^28. */
function varintAt(bytes: Buffer, at: number): number {
  let value = bytes[at] & 127;
  for (let i = at, shift = 7; bytes[i] > 127; i += 1, shift += 7) value |= (bytes[i + 1] & 127) << shift;
  return value;
}

function afterVarint(bytes: Buffer, at: number): number {
  let end = at;
  while (bytes[end] > 127) end += 1;
  return end + 1;
}

/** Whether a record has a section whose name begins so, or may have one outside it. Errors: as `sectionOf`. */
export function mayHave(record: Buffer, beginnings: readonly Buffer[]): boolean {
  return record[1] !== 0 || beginnings.some((beginning) => findSection(record, beginning, false) !== null);
}

/** All tiles of a key, and the stamp of its last write; null: it has none. */
export interface StoredTiles {
  readonly life: number;
  readonly stamp: Buffer | null;
  /** Ascending by hop and start. */
  readonly blocks: readonly NamedBlock[];
}

export interface NamedBlock extends StoredBlock {
  /** Index among the view's hops. */
  readonly hop: number;
  readonly name: string;
}

const NOTHING: StoredTiles = { life: 0, stamp: null, blocks: [] };

/** Reads a section of tiles. Error: BYTES_DAMAGED. */
export function storedTiles(bytes: Buffer | null): StoredTiles {
  if (bytes === null) return NOTHING;
  const reader = new ByteReader('the tiles of a key', bytes);
  const take = (): Buffer => {
    const size = reader.varint();
    const from = reader.offset;
    reader.skip(size);
    return bytes.subarray(from, from + size);
  };
  const life = reader.varint();
  const stamp = take();
  const blocks: NamedBlock[] = [];
  while (reader.remaining > 0) {
    const name = take().toString('latin1');
    blocks.push({ name, ...hopAndBlock(name), bytes: take() });
  }
  return { life, stamp, blocks: blocks.sort((a, b) => a.hop - b.hop || a.block - b.block) };
}

/** All tiles of a key, by hop. Error: BYTES_DAMAGED. */
export function runsOf(layout: TileLayout, { blocks }: StoredTiles): readonly TileRun[] {
  return layout.view.hopsMs.map((hopMs, hop) =>
    runOfBlocks(
      layout,
      hopMs,
      blocks.filter((one) => one.hop === hop),
    ),
  );
}

/**
 * A section without the tiles that end before an instant of their hop (undefined: all stay); empty if none is left, null if nothing
 * changes.
 */
export function withoutTiles(
  layout: TileLayout,
  bytes: Buffer,
  before: readonly (number | undefined)[],
): Uint8Array | null {
  const { life, stamp, blocks } = storedTiles(bytes);
  let changed = false;
  const kept = blocks.flatMap((one) => {
    const hopMs = layout.view.hopsMs[one.hop];
    const from = (before[one.hop] ?? Number.NEGATIVE_INFINITY) - hopMs + 1;
    if (one.block * TILES_PER_BLOCK * hopMs >= from) return [one];
    const run = runOfBlocks(layout, hopMs, [one], [{ from, to: Number.POSITIVE_INFINITY }]);
    const left = encodeBlock(writesOf(layout, hopMs, run));
    changed ||= left.length !== one.bytes.length;
    return run.length === 0 ? [] : [{ ...one, bytes: left }];
  });
  if (!changed) return null;
  if (kept.length === 0 || stamp === null) return new Uint8Array(0);
  const writer = new ByteWriter(bytes.length);
  writer.varint(life);
  for (const part of [stamp, ...kept.flatMap((one) => [Buffer.from(one.name), one.bytes])]) {
    writer.varint(part.length);
    writer.bytes(part);
  }
  return writer.finish();
}
