import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { HLL_REGISTERS, MOST_RHO, type Registers, raise } from '../../features/aggregate/registers.ts';
import { type ColumnSketch, createColumnSketch } from './column-sketch.ts';
import { edgeBins, type FrozenBins, valueBins } from './frozen-bins.ts';
import { decodeKll, encodeKll } from './kll-bytes.ts';
import { createProfile, type Profile } from './profile.ts';

/**
 * A profile, for a file or a row of a table:
 *
 * ```
 * profile = "HRDP" u8(2) varint(rows) varint(columns) *column
 * column  = text(name) u8(type: 0 number, 1 text) varint(rows) varint(missing) varint(infinite) f64(mean) f64(squares) u8(whole)
 *           registers frequent bins u8(has KLL) [varint(bytes) KLL of DataSketches]
 * registers = u8(0) varint(count) *varint(bucket · 64 + rho) / u8(1) 4096u8(rho of each bucket)
 * frequent  = u8(0) / u8(1) varint(most) varint(n) varint(offset) varint(count) *(text varint)
 * bins      = u8(0) / u8(1) varint(edges) *f64 counts / u8(2) varint(values) *text counts
 * counts    = *varint                                        ; one more than bins: of missing values
 * ```
 *
 * Version 1 has the first form of the registers alone, without its u8(0). Many registers as varints take three times the bytes, and
 * reading them was most of the time of a window.
 */
const MAGIC = [0x48, 0x52, 0x44, 0x50];
const FORMAT = 2;
const FIRST_FORMAT = 1;

/** One for all calls: a small profile takes less than the memory of a writer. */
const writer = new ByteWriter(4_096);

export function encodeProfile(profile: Profile): Uint8Array {
  const out = writer;
  out.clear();
  for (const byte of MAGIC) out.u8(byte);
  out.u8(FORMAT);
  out.varint(profile.rows);
  out.varint(profile.columns.size);
  for (const [name, column] of profile.columns) {
    out.text(name);
    writeColumn(out, column);
  }
  return out.finish();
}

/** Whether bytes start as a profile does. */
export function isProfile(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/** Reads a profile of any version. Error: DRIFT_PROFILE. */
export function decodeProfile(bytes: Uint8Array): Profile {
  if (!isProfile(bytes)) throw refused('they do not start with HRDP');
  const format = bytes[4];
  if (format !== FORMAT && format !== FIRST_FORMAT) throw refused(`its version is ${format}`);
  const reader = new ByteReader('a profile', bytes.subarray(5));
  try {
    const profile = createProfile();
    profile.rows = reader.varint();
    const columns = reader.varint();
    for (let i = 0; i < columns; i += 1) {
      const name = reader.text();
      if (profile.columns.has(name)) throw refused(`column "${name}" is there twice`);
      profile.columns.set(name, readColumn(reader, format));
    }
    return profile;
  } catch (error) {
    if (isHeadraceError(error) && error.code !== 'DRIFT_PROFILE')
      throw fail('DRIFT_PROFILE', { reason: error.message }, error);
    throw error;
  }
}

function writeColumn(out: ByteWriter, column: ColumnSketch): void {
  out.u8(column.type === 'number' ? 0 : 1);
  for (const count of [column.rows, column.missing, column.infinite]) out.varint(count);
  out.f64(column.mean);
  out.f64(column.squares);
  out.u8(column.whole ? 1 : 0);
  writeRegisters(out, column.registers);
  writeFrequent(out, column);
  writeBins(out, column);
  out.u8(column.kll === null ? 0 : 1);
  if (column.kll === null) return;
  const kll = encodeKll(column.kll);
  out.varint(kll.length);
  out.bytes(kll);
}

function writeRegisters(out: ByteWriter, registers: Registers | null): void {
  out.u8(registers instanceof Uint8Array ? 1 : 0);
  if (registers instanceof Uint8Array) {
    out.bytes(registers);
    return;
  }
  out.varint(registers?.length ?? 0);
  for (const packed of registers ?? []) out.varint(packed);
}

function writeFrequent(out: ByteWriter, { frequent }: ColumnSketch): void {
  out.u8(frequent === null ? 0 : 1);
  if (frequent === null) return;
  for (const number of [frequent.most, frequent.n, frequent.offset, frequent.counts.size]) out.varint(number);
  for (const [text, count] of frequent.counts) {
    out.text(text);
    out.varint(count);
  }
}

function writeBins(out: ByteWriter, { bins, counts }: ColumnSketch): void {
  out.u8(bins === null ? 0 : bins.kind === 'edges' ? 1 : 2);
  if (bins === null) return;
  if (bins.kind === 'edges') {
    out.varint(bins.edges.length);
    for (const edge of bins.edges) out.f64(edge);
  } else {
    out.varint(bins.values.size);
    for (const value of bins.values.keys()) out.text(value);
  }
  for (let i = 0; i <= bins.count; i += 1) out.varint(counts?.[i] ?? 0);
}

function readColumn(reader: ByteReader, format: number): ColumnSketch {
  const column = createColumnSketch(reader.u8() === 0 ? 'number' : 'text');
  column.rows = reader.varint();
  column.missing = reader.varint();
  column.infinite = reader.varint();
  column.mean = finite(reader.f64(), 'a mean');
  column.squares = finite(reader.f64(), 'a spread');
  column.whole = reader.u8() === 1;
  if (column.missing + column.infinite > column.rows || column.squares < 0) throw refused('its counts do not add up');
  column.registers = format === FIRST_FORMAT || reader.u8() === 0 ? readRegisters(reader) : readAllRegisters(reader);
  column.frequent = readFrequent(reader);
  const { bins, counts } = readBins(reader, column.rows);
  const kll = reader.u8() === 1 ? decodeKll(reader.bytes(reader.varint())) : null;
  if (column.type === 'number' && (kll === null || kll.n !== column.rows - column.missing - column.infinite))
    throw refused('its quantiles do not count its numbers');
  return { ...column, kll, bins, counts };
}

function readRegisters(reader: ByteReader): Registers | null {
  const count = reader.varint();
  let registers: Registers | null = null;
  for (let i = 0; i < count; i += 1) {
    const packed = reader.varint();
    if (packed >> 6 >= HLL_REGISTERS || (packed & 63) > MOST_RHO) throw refused('a register is out of range');
    registers = raise(registers, packed >> 6, packed & 63);
  }
  return registers;
}

function readAllRegisters(reader: ByteReader): Registers {
  const registers = reader.bytes(HLL_REGISTERS).slice();
  for (let i = 0; i < HLL_REGISTERS; i += 1) if (registers[i] > MOST_RHO) throw refused('a register is out of range');
  return registers;
}

function readFrequent(reader: ByteReader): ColumnSketch['frequent'] {
  if (reader.u8() === 0) return null;
  const most = reader.varint();
  const n = reader.varint();
  const offset = reader.varint();
  const count = reader.varint();
  if (count > most) throw refused('more values than it holds');
  const counts = new Map<string, number>();
  let sum = 0;
  for (let i = 0; i < count; i += 1) {
    const text = reader.text();
    const times = reader.varint();
    sum += times;
    counts.set(text, times);
  }
  if (counts.size !== count || sum > n) throw refused('its values do not add up');
  return { most, n, offset, counts };
}

function readBins(reader: ByteReader, rows: number): { bins: FrozenBins | null; counts: Float64Array | null } {
  const kind = reader.u8();
  if (kind === 0) return { bins: null, counts: null };
  if (kind > 2) throw refused(`bins of kind ${kind}`);
  const length = reader.varint();
  const edges: number[] = [];
  const values: string[] = [];
  for (let i = 0; i < length; i += 1) {
    if (kind === 2) values.push(reader.text());
    else edges.push(finite(reader.f64(), 'an edge'));
  }
  if (edges.some((edge, i) => i > 0 && edge <= edges[i - 1])) throw refused('its edges do not ascend');
  const bins = kind === 1 ? edgeBins(edges) : valueBins(values);
  if (kind === 2 && bins.count !== length + 1) throw refused('a value is there twice');
  const counts: number[] = [];
  for (let i = 0; i <= bins.count; i += 1) counts.push(reader.varint());
  if (counts.reduce((sum, count) => sum + count, 0) !== rows) throw refused('its bins do not count its rows');
  return { bins, counts: Float64Array.from(counts) };
}

function finite(value: number, what: string): number {
  if (!Number.isFinite(value)) throw refused(`${what} is not finite`);
  return value;
}

function refused(reason: string): Error {
  return fail('DRIFT_PROFILE', { reason });
}
