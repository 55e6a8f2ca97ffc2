import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** Bytes that are read at a time, into the same memory. */
const PIECE = 1_048_576;

/** SHA-256 of a file, in hex. Throws the error of the system where it cannot be read. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path);
  try {
    const piece = Buffer.allocUnsafe(PIECE);
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, PIECE);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(piece.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}
