import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { fail } from '../../base/errors/fail.ts';
import { holdsLists, type TableFile } from '../../ports/table-file.ts';
import {
  addBlock,
  type BlockCounter,
  type BlockSpread,
  breakBlocks,
  createBlockCounter,
  leastBlock,
  spreadsOf,
} from '../detect/block-spread.ts';
import { LEAST_CHUNKS, limitOf } from '../detect/calibrate.ts';
import { sideOfSketch } from '../detect/column-side.ts';
import { holdsVectors, MOST_VECTORS, type VectorSide } from '../detect/compare-vectors.ts';
import type { DriftLimit } from '../detect/feature-comparison.ts';
import { kindOf } from '../detect/feature-kind.ts';
import { type Looks, quietChance } from '../detect/quiet-chance.ts';
import { countsOver, referenceBins } from '../detect/reference-bins.ts';
import type { SeasonalCounts } from '../detect/seasonal-counts.ts';
import { addNumber, addText, type ColumnSketch, createColumnSketch } from '../profile/column-sketch.ts';
import type { FrozenBins } from '../profile/frozen-bins.ts';
import { createProfile, mergeProfile, type Profile } from '../profile/profile.ts';
import { decodeProfile, encodeProfile } from '../profile/profile-bytes.ts';
import { decodeSpreads, encodeSpreads, type Spreads } from './reference-spreads.ts';
import { SeasonalBuilder } from './seasonal-builder.ts';
import { decodeSeasonal, encodeSeasonal } from './seasonal-bytes.ts';
import { decodeVectors, encodeVectors, type VectorSamples } from './vector-sample.ts';

/** Fewest blocks whose spread is kept: those of a tenth of the rows. */
const LEAST_BLOCKS = 8;

/** Blocks of a column in the making: counts of its chunk when the block began. */
interface Blocks {
  readonly counter: BlockCounter;
  readonly size: number;
  readonly before: Float64Array;
  readonly own: Float64Array;
}

function createBlocks(whole: Float64Array, size: number): Blocks {
  const [before, own] = [new Float64Array(whole.length), new Float64Array(whole.length)];
  return { counter: createBlockCounter(whole, size), size, before, own };
}

/** Counts the block that ends after `row` rows of the chunk, 0 after all of them; the rest of a chunk is in none. */
function endBlock({ counter, size, before, own }: Blocks, { counts }: ColumnSketch, row: number): void {
  if (counts === null) return;
  const isLast = row === 0;
  if (!isLast && row % size !== 0) return;
  let rows = 0;
  for (let i = 0; i < counts.length; i += 1) {
    own[i] = counts[i] - before[i];
    rows += own[i];
  }
  if (rows === size) addBlock(counter, own);
  if (isLast) {
    breakBlocks(counter);
    before.fill(0);
  } else before.set(counts);
}

/**
 * The reference of a model version: profiles of its training set by chunk, in the order of rows, over frozen bins. Sections with a name
 * follow them; an unknown one is left out.
 *
 * ```
 * reference = "HRDR" u8(2) varint(created at, epoch ms) varint(chunks) *(varint(bytes) profile) varint(sections) *section
 * section   = text(name) varint(bytes) bytes
 * ```
 *
 * Format 1 ends after the chunks.
 */
export interface Reference {
  readonly createdAt: number;
  readonly chunks: readonly Profile[];
  /** Section `vectors`: rows of each embedding, evenly spaced; absent: it has none. */
  readonly vectors?: VectorSamples;
  /** Section `hours`: counts by hour of the week; absent or null: the rows have no instants that span two days. */
  readonly seasonal?: SeasonalCounts | null;
  /** Section `spreads`: how far blocks of rows lie apart, by feature; absent: it has chunks alone. */
  readonly spreads?: Spreads;
}

const MAGIC = [0x48, 0x52, 0x44, 0x52];
const FORMAT = 2;
const VECTORS = 'vectors';
const HOURS = 'hours';
const SPREADS = 'spreads';
const CHUNKS = 10;

export interface BuildReferenceOptions {
  /** The column of the rows' instants, epoch ms; null: they have none, and the reference no counts by hour. */
  readonly time: string | null;
  readonly createdAt: number;
}

/** Profiles the named columns of a training set in two scans: one for the bins, one for the counts of chunks. */
export async function buildReference(
  table: TableFile,
  names: readonly string[],
  { time, createdAt }: BuildReferenceOptions,
): Promise<Reference> {
  const columns = table.columns.filter(({ name }) => names.includes(name));
  const first = columns.map(({ type }) => createColumnSketch(type));
  const chosen = columns.map(({ name }) => name);
  for await (const parts of table.batches(chosen))
    for (const [c, values] of parts.entries()) addAll(first[c], values, 0, values.length);
  const known = first.map((sketch, c) => {
    const side = sideOfSketch(sketch);
    const own = referenceBins(side, kindOf(side));
    return [chosen[c], { bins: own, whole: countsOver(side, own) }] as const;
  });
  const counted = await countReference(table, new Map(known), { time, createdAt });
  return { ...counted, vectors: await vectorsOf(table, columns) };
}

/** The bins of a column, and about how many rows each of them has. */
export interface KnownBins {
  readonly bins: FrozenBins;
  readonly whole: Float64Array;
}

/** Profiles the columns of a table over bins that are given, by chunk, and how far blocks of rows lie apart. */
export async function countReference(
  table: TableFile,
  known: ReadonlyMap<string, KnownBins>,
  { time, createdAt }: BuildReferenceOptions,
): Promise<Reference> {
  const columns = table.columns.flatMap(({ name, type }) => {
    const own = known.get(name);
    return own === undefined ? [] : [{ name, type, ...own }];
  });
  const chosen = columns.map(({ name }) => name);
  const chunks = Array.from({ length: CHUNKS }, () => {
    const profile = createProfile();
    for (const column of columns) profile.columns.set(column.name, createColumnSketch(column.type, column.bins));
    return profile;
  });
  const size = Math.max(1, Math.ceil(table.rows / CHUNKS));
  const seasonal = new SeasonalBuilder(columns);
  const block = leastBlock(size);
  const blocks = columns.map(({ whole }) => createBlocks(whole, block));
  let row = 0;
  for await (const parts of table.batches(time === null ? chosen : [...chosen, time])) {
    const length = parts[0]?.length ?? 0;
    for (let from = 0; from < length; ) {
      const place = Math.min(CHUNKS - 1, Math.floor(row / size));
      const chunk = chunks[place];
      const inChunk = row % size;
      const to = Math.min(length, from + Math.min(size - inChunk, block - (inChunk % block)));
      chunk.rows += to - from;
      for (const [c, sketch] of [...chunk.columns.values()].entries()) {
        addAll(sketch, parts[c], from, to);
        endBlock(blocks[c], sketch, (row + to - from) % size);
      }
      if (time !== null) seasonal.add(place, parts[chosen.length], parts, { from, to });
      row += to - from;
      from = to;
    }
  }
  const spreads = columns.map(({ name }, c) => [name, spreadsOf(blocks[c].counter, LEAST_BLOCKS)] as const);
  return { createdAt, chunks, seasonal: seasonal.finish(), spreads: new Map(spreads) };
}

async function vectorsOf(table: TableFile, columns: TableFile['columns']): Promise<VectorSamples> {
  const samples = new Map<string, VectorSide>();
  for (const { name, declared } of columns) {
    if (!holdsLists(declared)) continue;
    const side = { rows: table.rows, ...(await table.vectors(name, MOST_VECTORS.reference)) };
    if (holdsVectors(side)) samples.set(name, side);
  }
  return samples;
}

function addAll(sketch: ColumnSketch, values: ArrayLike<number | string | null>, from: number, to: number): void {
  for (let i = from; i < to; i += 1) {
    const value = values[i];
    if (sketch.type === 'text') addText(sketch, value === null ? null : String(value));
    else addNumber(sketch, typeof value === 'number' ? value : null);
  }
}

/** All chunks as one. */
export function wholeReference({ chunks }: Reference): Profile {
  const whole = decodeProfile(encodeProfile(chunks[0]));
  for (const chunk of chunks.slice(1)) mergeProfile(whole, chunk);
  return whole;
}

export interface ReferenceLimitOptions {
  /** Rows of the window. */
  readonly rows: number;
  /** Features that are judged together. */
  readonly features: number;
  readonly looks: Looks;
}

/** How far a window of this many rows may lie from the reference, by how far its own rows lie apart; null: the feature has no bins. */
export function referenceLimit(
  { chunks, spreads }: Reference,
  name: string,
  { rows, features, looks }: ReferenceLimitOptions,
): DriftLimit | null {
  const counts = chunks.flatMap((chunk) => {
    const own = chunk.columns.get(name)?.counts;
    return own === null || own === undefined || chunk.rows === 0 ? [] : [own];
  });
  const reference = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  const own = spreads?.get(name) ?? chunkSpread(counts);
  return limitOf(counts, own, { rows, reference, chance: quietChance(features, looks) });
}

/** The spread of whole chunks, where no smaller blocks are known. */
function chunkSpread(counts: readonly Float64Array[]): readonly BlockSpread[] {
  if (counts.length === 0) return [];
  const rows = counts.reduce((sum, own) => sum + own.reduce((total, count) => total + count, 0), 0);
  const size = Math.max(1, Math.round(rows / counts.length));
  const counter = createBlockCounter(sumOf(counts), size);
  // Chunks of other sizes count by their shares.
  for (const own of counts) {
    const total = own.reduce((sum, count) => sum + count, 0);
    if (total > 0)
      addBlock(
        counter,
        own.map((count) => (count * size) / total),
        1,
      );
  }
  return spreadsOf(counter, LEAST_CHUNKS);
}

function sumOf(parts: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(parts[0].length);
  for (const part of parts) for (let i = 0; i < part.length; i += 1) sum[i] += part[i];
  return sum;
}

export function encodeReference(reference: Reference): Uint8Array {
  const { createdAt, chunks, vectors = new Map(), seasonal = null, spreads = new Map() } = reference;
  const out = new ByteWriter(1 << 16);
  for (const byte of MAGIC) out.u8(byte);
  out.u8(FORMAT);
  out.varint(createdAt);
  out.varint(chunks.length);
  for (const chunk of chunks) {
    const bytes = encodeProfile(chunk);
    out.varint(bytes.length);
    out.bytes(bytes);
  }
  const sections: (readonly [string, Uint8Array])[] = [];
  if (vectors.size > 0) sections.push([VECTORS, encodeVectors(vectors)]);
  if (seasonal !== null) sections.push([HOURS, encodeSeasonal(seasonal)]);
  if (spreads.size > 0) sections.push([SPREADS, encodeSpreads(spreads)]);
  out.varint(sections.length);
  for (const [name, bytes] of sections) {
    out.text(name);
    out.varint(bytes.length);
    out.bytes(bytes);
  }
  return out.finish();
}

/** Errors: DRIFT_PROFILE, BYTES_DAMAGED. */
export function decodeReference(bytes: Uint8Array): Reference {
  if (!MAGIC.every((byte, i) => bytes[i] === byte))
    throw fail('DRIFT_PROFILE', { reason: 'they do not start with HRDR' });
  const format = bytes[4] ?? 0;
  if (format < 1 || format > FORMAT) throw fail('DRIFT_PROFILE', { reason: `its version is ${format}` });
  const reader = new ByteReader('a reference', bytes.subarray(5));
  const createdAt = reader.varint();
  const count = reader.varint();
  if (count < 1 || count > 1000) throw fail('DRIFT_PROFILE', { reason: `${count} chunks` });
  const chunks: Profile[] = [];
  for (let i = 0; i < count; i += 1) chunks.push(decodeProfile(reader.bytes(reader.varint())));
  let vectors: VectorSamples | null = null;
  let seasonal: SeasonalCounts | null = null;
  let spreads: Spreads | null = null;
  for (let left = format === 1 ? 0 : reader.varint(); left > 0; left -= 1) {
    const name = reader.text();
    const section = reader.bytes(reader.varint());
    if (name === VECTORS) vectors = decodeVectors(section);
    if (name === HOURS) seasonal = decodeSeasonal(section);
    if (name === SPREADS) spreads = decodeSpreads(section);
  }
  const found = { ...(vectors === null ? {} : { vectors }), ...(spreads === null ? {} : { spreads }) };
  return { createdAt, chunks, seasonal, ...found };
}
