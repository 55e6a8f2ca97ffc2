import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { constants, createGunzip } from 'node:zlib';
import { fail } from '../../../base/errors/fail.ts';
import type { Trace } from '../../trace/trace.ts';
import { TraceScanner } from './trace-scanner.ts';

const CHUNK = 2 ** 20;
/**
 * Up to three chunks are unpacked on a separate thread while one is read. A truncated file ends at its last byte: an error
 * would discard the waiting chunks.
 */
const unpacking = { chunkSize: CHUNK, readableHighWaterMark: 3 * CHUNK, finishFlush: constants.Z_SYNC_FLUSH };
/** A trace shrinks 10 to 30 times by gzip; what unpacks to more than this times its size is a bomb. */
const LARGEST_RATIO = 200;
const NO_BOMB_BELOW = 256 * 2 ** 20;

/**
 * Reads a trace file, gzip or not, in chunks: memory holds the columns of the trace and a few megabytes.
 * Errors: GPU_FILE, GPU_NOT_A_TRACE, GPU_MEMORY_TIMELINE, GPU_FILE_TOO_LARGE.
 */
export async function readTraceFile(path: string, gzip: boolean): Promise<Trace> {
  if (!gzip) return await readPlain(path);
  const scanner = new TraceScanner();
  const file = createReadStream(path, { highWaterMark: CHUNK / 4 });
  const stream = file.pipe(createGunzip(unpacking));
  file.on('error', (error) => stream.destroy(error));
  let unpacked = 0;
  try {
    for await (const chunk of stream) {
      const buffer: Uint8Array<ArrayBuffer> = chunk;
      // Not a Buffer: hot code that meets two kinds of arrays is compiled again, for both, and stays slower.
      const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
      unpacked += bytes.length;
      if (unpacked > NO_BOMB_BELOW && unpacked > LARGEST_RATIO * file.bytesRead)
        throw fail('GPU_FILE_TOO_LARGE', { path, reason: `it unpacks to more than ${LARGEST_RATIO} times its size` });
      scanner.push(bytes);
    }
  } catch (error) {
    if (isCutShort(error)) return scanner.end(true);
    throw error;
  } finally {
    file.destroy();
  }
  return scanner.end();
}

/** Into one buffer, again and again: a stream would leave a buffer for each chunk. */
async function readPlain(path: string): Promise<Trace> {
  const scanner = new TraceScanner();
  const file = await open(path);
  try {
    const buffer = new Uint8Array(CHUNK);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK);
      if (bytesRead === 0) return scanner.end();
      scanner.push(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** Whether a gzip stream ended early or is damaged; the bytes before can be read. */
function isCutShort(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'Z_BUF_ERROR' || code === 'Z_DATA_ERROR';
}
