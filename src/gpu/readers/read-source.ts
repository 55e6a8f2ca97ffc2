import { createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { type Packing, packingOf, unpacked, wholeFile } from '../../files/packed-file.ts';
import { temporaryFolder } from '../../process/temporary-folder.ts';
import type { Source } from '../source.ts';
import type { Trace } from '../trace/trace.ts';
import { type FileKind, fileKindOf } from './format.ts';
import { readTraceFile } from './trace/read-trace.ts';

const HEAD = 2 ** 16;
/** Text files are read whole up to this size; traces and databases are not bounded. */
const LONGEST_TEXT = 256 * 2 ** 20;
const TEXT_TOO_LONG = 'texts are read up to 256 MiB';
const LARGEST_DATABASE = 64 * 2 ** 30;

/**
 * Reads one file, packed or not, by what it holds.
 * Errors: GPU_FILE, GPU_FORMAT, GPU_BINARY_REPORT, GPU_NOT_A_TRACE, GPU_MEMORY_TIMELINE, GPU_FILE_TOO_LARGE, GPU_DAMAGED, FILE_DAMAGED.
 */
export async function readSource(path: string): Promise<Source> {
  const { head, packing, kind, encoding } = await look(path);
  switch (kind) {
    case undefined:
      if (head.every((byte) => byte <= 0x20)) throw fail('GPU_FILE', { path, reason: 'it is empty' });
      throw fail('GPU_FORMAT', { path });
    case 'nsys-rep':
      throw fail('GPU_BINARY_REPORT', { tool: 'Nsight Systems', command: 'nsys export --type sqlite' });
    case 'ncu-rep':
      throw fail('GPU_BINARY_REPORT', { tool: 'Nsight Compute', command: 'ncu --import FILE --csv --page details' });
    case 'trace':
      if (encoding !== 'utf-8')
        throw fail('GPU_DAMAGED', { kind: 'trace', reason: 'it is UTF-16 text: iconv -f UTF-16 -t UTF-8' });
      return { kind: 'trace', path, trace: await readTraceFile(path) };
    case 'nsys-sqlite':
      return {
        kind: 'trace',
        path,
        trace: packing === 'none' ? await sqliteTrace(path) : await unpackedSqlite(path, packing),
      };
    default: {
      // Loaded when a text is read: a trace needs none of these parsers.
      const { parseText } = await import('./parse-text.ts');
      return parseText(kind, path, await wholeText(path, encoding));
    }
  }
}

async function sqliteTrace(path: string): Promise<Trace> {
  const { readNsysSqlite } = await import('./nsys-sqlite.ts');
  return readNsysSqlite(path);
}

/** UTF-16 is what PowerShell writes for `nvidia-smi … > file`. */
type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

function encodingOf([first, second]: Uint8Array): Encoding {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}

async function look(path: string) {
  try {
    // A pipe could wait for ever, a device never end.
    const found = await stat(path);
    if (!found.isFile())
      throw fail('GPU_FILE', { path, reason: `it is ${found.isDirectory() ? 'a folder' : 'no regular file'}` });
    const packing = await packingOf(path);
    const head = await headOf(path, packing);
    const encoding = encodingOf(head);
    const kind: FileKind | undefined = fileKindOf(
      encoding === 'utf-8' ? head : new TextEncoder().encode(new TextDecoder(encoding).decode(head)),
    );
    return { head, packing, kind, encoding };
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    throw fail('GPU_FILE', { path, reason: reasonOf(error).replace(/,.*$/, '') }, error);
  }
}

/** The first bytes of a file, unpacked. */
async function headOf(path: string, packing: Packing): Promise<Uint8Array> {
  if (packing !== 'none') {
    for await (const chunk of unpacked(path, packing, { chunkBytes: HEAD, aheadBytes: HEAD })) return chunk;
    return new Uint8Array();
  }
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(new Uint8Array(HEAD), 0, HEAD, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function wholeText(path: string, encoding: Encoding): Promise<string> {
  try {
    return new TextDecoder(encoding).decode(await wholeFile(path, LONGEST_TEXT));
  } catch (error) {
    if (error instanceof RangeError) throw fail('GPU_FILE_TOO_LARGE', { path, reason: TEXT_TOO_LONG }, error);
    throw error;
  }
}

/** node:sqlite reads files only: a packed one is unpacked into the temporary folder, and deleted afterwards. */
async function unpackedSqlite(path: string, packing: Exclude<Packing, 'none'>) {
  const { path: folder, remove } = temporaryFolder('headrace-gpu-');
  try {
    const file = join(folder, 'export.sqlite');
    let bytes = 0;
    const bounded = new Transform({
      transform(chunk: Uint8Array, _, done) {
        bytes += chunk.length;
        if (bytes > LARGEST_DATABASE)
          done(fail('GPU_FILE_TOO_LARGE', { path, reason: 'it unpacks to more than 64 GiB' }));
        else done(null, chunk);
      },
    });
    await pipeline(unpacked(path, packing), bounded, createWriteStream(file));
    return await sqliteTrace(file);
  } finally {
    remove();
  }
}
