import { open } from 'node:fs/promises';
import { fail } from '../../../base/errors/fail.ts';
import { packingOf, unpacked } from '../../../files/packed-file.ts';
import type { Trace } from '../../trace/trace.ts';
import { TraceScanner } from './trace-scanner.ts';

const CHUNK = 2 ** 20;
/** Up to three chunks are unpacked on a separate thread while one is read. */
const AHEAD = 3 * CHUNK;
/** A trace shrinks 10 to 30 times by gzip; what unpacks to more than this times its size is a bomb. */
const LARGEST_RATIO = 200;
const NO_BOMB_BELOW = 256 * 2 ** 20;

/**
 * Reads a trace file, packed or not, in chunks: memory holds the columns of the trace and a few megabytes. A trace that ends early
 * is reported as truncated; a packed file that does is refused.
 * Errors: GPU_FILE, GPU_NOT_A_TRACE, GPU_MEMORY_TIMELINE, GPU_FILE_TOO_LARGE, FILE_DAMAGED.
 */
export async function readTraceFile(path: string): Promise<Trace> {
  const packing = await packingOf(path);
  if (packing === 'none') return await readPlain(path);
  const scanner = new TraceScanner();
  let readBytes = 0;
  let length = 0;
  const onRead = (bytes: number) => {
    readBytes = bytes;
  };
  for await (const chunk of unpacked(path, packing, { chunkBytes: CHUNK, aheadBytes: AHEAD, onRead })) {
    const buffer = chunk as Uint8Array<ArrayBuffer>;
    // Not a Buffer: hot code that meets two kinds of arrays is compiled again, for both, and stays slower.
    const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
    length += bytes.length;
    if (length > NO_BOMB_BELOW && length > LARGEST_RATIO * readBytes)
      throw fail('GPU_FILE_TOO_LARGE', { path, reason: `it unpacks to more than ${LARGEST_RATIO} times its size` });
    scanner.push(bytes);
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
