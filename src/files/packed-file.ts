import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';

/** How a file is packed, by its first bytes. */
export type Packing = 'none' | 'gzip' | 'zstd';

/** Packings in the words of DuckDB. */
export const DUCKDB_COMPRESSION: Readonly<Record<Packing, string>> = {
  none: "'uncompressed'",
  gzip: "'gzip'",
  zstd: "'zstd'",
};

/** First bytes of a packed file. */
const MAGIC: readonly (readonly [Packing, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  // A frame that only says something to programs; data comes after it.
  ['zstd', [0x50, 0x2a, 0x4d, 0x18]],
];

/** Endings of names that say how a file is packed. */
const ENDINGS: readonly (readonly [RegExp, Packing])[] = [
  [/\.gz$/i, 'gzip'],
  [/\.zst$/i, 'zstd'],
];

const CHUNK = 2 ** 20;

/** How a file is packed. Errors: those of the file system; FILE_DAMAGED where its name says otherwise. */
export async function packingOf(path: string): Promise<Packing> {
  const head = await headOf(path, 4);
  const found = packingAt(head);
  const named = ENDINGS.find(([ending]) => ending.test(path))?.[1];
  if (named !== undefined && found !== named)
    throw fail('FILE_DAMAGED', { path, reason: `its name says ${named}, and its first bytes are of no such file` });
  return found;
}

/** How the pieces of an unpacked file come. */
export interface UnpackOptions {
  /** Bytes of a piece at most. */
  readonly chunkBytes?: number;
  /** Bytes that are unpacked ahead of the reader. */
  readonly aheadBytes?: number;
  /** Called with the packed bytes that were read so far. */
  readonly onRead?: (packedBytes: number) => void;
}

/**
 * The unpacked bytes of a gzip or zstd file, piece by piece. It ends after the last byte of a whole file only: the trailer and the
 * checksum of each member are verified, and nothing but zeros may come after the last one. Error: FILE_DAMAGED.
 */
export async function* unpacked(
  path: string,
  packing: Exclude<Packing, 'none'>,
  options: UnpackOptions = {},
): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    const stream = unpackingFrom(path, packing, at, options);
    try {
      for await (const chunk of stream) yield chunk;
    } catch (error) {
      throw isOfSystem(error) ? error : fail('FILE_DAMAGED', { path, reason: faultOf(error, packing) }, error);
    } finally {
      stream.destroy();
    }
    // A decoder stops at the end of a member where it knows no other one: what follows would be left out.
    at += stream.bytesWritten;
    const rest = await restOf(path, at);
    if (rest === 'zeros') return;
    if (packing === 'gzip' || rest !== 'zstd' || stream.bytesWritten === 0)
      throw fail('FILE_DAMAGED', { path, reason: `bytes follow its ${packing} data at ${at}` });
  }
}

function unpackingFrom(
  path: string,
  packing: Exclude<Packing, 'none'>,
  start: number,
  { chunkBytes = CHUNK, aheadBytes = CHUNK, onRead }: UnpackOptions,
): ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress> {
  const file = createReadStream(path, { start, highWaterMark: CHUNK / 4 });
  const sizes = { chunkSize: chunkBytes, readableHighWaterMark: aheadBytes };
  const stream = packing === 'gzip' ? createGunzip(sizes) : createZstdDecompress(sizes);
  file.on('error', (error) => stream.destroy(error));
  if (onRead !== undefined) file.on('data', () => onRead(start + file.bytesRead));
  stream.on('close', () => file.destroy());
  return file.pipe(stream);
}

/** A file as a whole, unpacked. Errors: FILE_DAMAGED, those of the file system and, past `mostBytes`, a RangeError. */
export async function wholeFile(path: string, mostBytes: number): Promise<Buffer> {
  const packing = await packingOf(path);
  const tooLarge = () => new RangeError(`it is larger than ${mostBytes / 2 ** 20} MiB`);
  if ((await stat(path)).size > mostBytes) throw tooLarge();
  if (packing === 'none') return readFile(path);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of unpacked(path, packing)) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads a packed file to its end, and keeps nothing. Errors: FILE_DAMAGED, those of the file system. */
export async function verifyPacked(path: string, packing: Packing): Promise<void> {
  if (packing === 'none') return;
  for await (const chunk of unpacked(path, packing)) void chunk;
}

/** The bytes of a file from a place on: another frame, nothing but zeros, or anything else. */
async function restOf(path: string, start: number): Promise<'zeros' | Packing> {
  let first = true;
  for await (const chunk of createReadStream(path, { start }) as AsyncIterable<Buffer>) {
    if (first && packingAt(chunk) === 'zstd') return 'zstd';
    if (chunk.some((byte) => byte !== 0)) return 'none';
    first = false;
  }
  return 'zeros';
}

function packingAt(head: Uint8Array): Packing {
  return MAGIC.find(([, magic]) => magic.every((byte, i) => head[i] === byte))?.[0] ?? 'none';
}

/** The first bytes of a file. */
async function headOf(path: string, most: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(new Uint8Array(most), 0, most, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function faultOf(error: unknown, packing: Packing): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'Z_BUF_ERROR' || reasonOf(error).startsWith('unexpected end')) return `its ${packing} data ends early`;
  return `its ${packing} data is damaged: ${reasonOf(error)}`;
}
