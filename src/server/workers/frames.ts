import type { Socket } from 'node:net';
import { deserialize, serialize } from 'node:v8';
import { reasonOf } from '../../base/reason-of.ts';

/**
 * Frames of the sockets between processes of one program and one user: `u32 length, little endian`, then a value as v8 serialises it,
 * which keeps every number to the bit.
 */
const HEAD_BYTES = 4;

/** A longer frame is none of ours. */
const MOST_BYTES = 2 ** 28;

/** Writes a value as one frame. */
export function writeFrame(socket: Socket, value: unknown): void {
  const body = serialize(value);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(body.length);
  socket.cork();
  socket.write(head);
  socket.write(body);
  socket.uncork();
}

/** Reads the frames of a socket; one that cannot be read ends the connection. */
export function readFrames(socket: Socket, take: (value: unknown) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    try {
      while (rest.length - at >= HEAD_BYTES) {
        const bytes = rest.readUInt32LE(at);
        if (bytes > MOST_BYTES) throw new Error(`a frame of ${bytes} bytes`);
        const end = at + HEAD_BYTES + bytes;
        if (rest.length < end) break;
        take(deserialize(rest.subarray(at + HEAD_BYTES, end)));
        at = end;
      }
    } catch (error) {
      socket.destroy(new Error(`its frames cannot be read: ${reasonOf(error)}`, { cause: error }));
    }
    rest = at === 0 ? rest : rest.subarray(at);
  });
}
