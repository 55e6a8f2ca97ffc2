import { createWriteStream } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
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
 * Reads one file, gzip or not, by what it holds.
 * Errors: GPU_FILE, GPU_FORMAT, GPU_BINARY_REPORT, GPU_NOT_A_TRACE, GPU_MEMORY_TIMELINE, GPU_FILE_TOO_LARGE, GPU_DAMAGED.
 */
export async function readSource(path: string): Promise<Source> {
  const { head, gzip, kind, encoding } = await look(path);
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
      return { kind: 'trace', path, trace: await readTraceFile(path, gzip) };
    case 'nsys-sqlite':
      return { kind: 'trace', path, trace: gzip ? await unpackedSqlite(path) : await sqliteTrace(path) };
    default: {
      // Loaded when a text is read: a trace needs none of these parsers.
      const { parseText } = await import('./parse-text.ts');
      const { text, cutShort } = await wholeText(path, gzip, encoding);
      const source = parseText(kind, path, text);
      return cutShort ? { ...source, cutShort: true } : source;
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
    const file = await open(path);
    try {
      const bytes = new Uint8Array(HEAD);
      const { bytesRead } = await file.read(bytes, 0, HEAD, 0);
      const raw = bytes.subarray(0, bytesRead);
      const gzip = raw[0] === 0x1f && raw[1] === 0x8b;
      const head = gzip ? unpackedHead(raw) : raw;
      const encoding = encodingOf(head);
      const text = head.subarray(0, HEAD);
      const kind: FileKind | undefined = fileKindOf(
        encoding === 'utf-8' ? text : new TextEncoder().encode(new TextDecoder(encoding).decode(text)),
      );
      return { head, gzip, kind, encoding };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    throw fail('GPU_FILE', { path, reason: reasonOf(error).replace(/,.*$/, '') }, error);
  }
}

function unpackedHead(raw: Uint8Array): Uint8Array {
  try {
    return gunzipSync(raw, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 2 ** 27 });
  } catch (error) {
    throw fail('GPU_DAMAGED', { kind: 'gzip file', reason: 'it cannot be unpacked' }, error);
  }
}

async function wholeText(path: string, gzip: boolean, encoding: Encoding) {
  const { size } = await stat(path);
  if (size > LONGEST_TEXT) throw fail('GPU_FILE_TOO_LARGE', { path, reason: TEXT_TOO_LONG });
  const raw = await readFile(path);
  const { bytes, cutShort } = gzip ? await unpacked(path, raw) : { bytes: raw, cutShort: false };
  return { text: new TextDecoder(encoding).decode(bytes), cutShort };
}

/** A gzip file as far as it goes, and whether it is cut off or damaged. */
function unpacked(path: string, raw: Uint8Array): Promise<{ readonly bytes: Uint8Array; readonly cutShort: boolean }> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const stream = createGunzip();
    stream.on('data', (chunk: Uint8Array) => {
      length += chunk.length;
      if (length > LONGEST_TEXT) stream.destroy(fail('GPU_FILE_TOO_LARGE', { path, reason: TEXT_TOO_LONG }));
      else chunks.push(chunk);
    });
    stream.on('end', () => resolve({ bytes: Buffer.concat(chunks), cutShort: false }));
    stream.on('error', (error) => {
      if (isHeadraceError(error)) reject(error);
      else resolve({ bytes: Buffer.concat(chunks), cutShort: true });
    });
    stream.end(raw);
  });
}

/** node:sqlite reads files only: a packed one is unpacked into the temporary folder, and deleted afterwards. */
async function unpackedSqlite(path: string) {
  const folder = await mkdtemp(join(tmpdir(), 'headrace-gpu-'));
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
    const source = await open(path);
    try {
      await pipeline(source.createReadStream(), createGunzip(), bounded, createWriteStream(file));
    } catch (error) {
      if (isHeadraceError(error)) throw error;
      throw fail('GPU_DAMAGED', { kind: 'gzip file', reason: 'it cannot be unpacked' }, error);
    }
    return await sqliteTrace(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
