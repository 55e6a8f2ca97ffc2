import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** Read at once: about a millisecond of the event loop. */
const MOST_BYTES = 2 ** 20;

/** Of a file whose size is not known yet. */
const LEAST_BYTES = 2 ** 12;

/** The sum of a file: CRC-32 as in zlib and Parquet, eight hexadecimal digits. */
export async function fileSum(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    // Most files are small, and a megabyte for each of them makes the garbage collector run all the time.
    const { size } = await file.stat();
    const block = Buffer.allocUnsafe(Math.min(MOST_BYTES, Math.max(LEAST_BYTES, size)));
    let sum = 0;
    for (;;) {
      const { bytesRead } = await file.read(block, 0, block.length);
      if (bytesRead === 0) return sumText(sum);
      sum = crc32(block.subarray(0, bytesRead), sum);
    }
  } finally {
    await file.close();
  }
}

/** The sum of a text's UTF-8. */
export function textSum(text: string): string {
  return sumText(crc32(text));
}

function sumText(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}
