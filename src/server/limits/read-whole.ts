import type { Readable } from 'node:stream';
import { fail } from '../../base/errors/fail.ts';
import type { HeldBytes } from './held-bytes.ts';

/** A body that counts as held. */
export interface HeldBody {
  readonly bytes: Buffer;
  /** Released once, when the request is answered. */
  readonly heldBytes: number;
}

export interface ReadWholeOptions {
  /** Largest body, bytes. */
  readonly most: number;
  /** The length that the request says; undefined: none. */
  readonly said?: string | undefined;
  /** Time of the client for all of it, ms; without it another part of the server watches over that. */
  readonly withinMs?: number;
  readonly held: HeldBytes;
}

const MS_PER_S = 1_000;

/** Reads a body whole, within the bounds of the process. Errors: SERVER_BODY_SIZE, SERVER_HELD, SERVER_SLOW_BODY, those of the stream. */
export async function readWhole(stream: Readable, { most, said, withinMs, held }: ReadWholeOptions): Promise<HeldBody> {
  if (Number(said ?? 0) > most) throw fail('SERVER_BODY_SIZE', {});
  const pieces: Buffer[] = [];
  let size = 0;
  const late = withinMs === undefined ? null : lateness(withinMs);
  const iterator = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const next = await (late === null ? iterator.next() : Promise.race([iterator.next(), late.happens]));
      if (next.done === true) break;
      const piece = next.value;
      if (size + piece.length > most) throw fail('SERVER_BODY_SIZE', {});
      held.take(piece.length);
      size += piece.length;
      pieces.push(piece);
    }
  } catch (error) {
    held.give(size);
    throw error;
  } finally {
    late?.cancel();
  }
  return { bytes: pieces.length === 1 ? pieces[0] : Buffer.concat(pieces), heldBytes: size };
}

/** Rejects after a while. */
function lateness(ms: number): { readonly happens: Promise<never>; readonly cancel: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(fail('SERVER_SLOW_BODY', { seconds: ms / MS_PER_S })), ms);
  promise.catch(() => undefined);
  return { happens: promise, cancel: () => clearTimeout(timer) };
}
