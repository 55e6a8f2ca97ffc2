import { fail } from '../../base/errors/fail.ts';

/**
 * Most bytes of requests that a process holds at one time: bodies and messages as sent, unfinished ones too, and the memory that they take
 * when they are read, until they are answered.
 */
const MOST_IN_ALL = 256 * 2 ** 20;

/** Most of them that one connection has. */
const MOST_OF_CONNECTION = 128 * 2 ** 20;

/**
 * Counts the bytes of requests that are kept, against a bound: a client that never finishes its requests cannot fill the memory. A share
 * counts those of one connection, and in the whole as well.
 */
export class HeldBytes {
  readonly #most: number;
  readonly #whole: HeldBytes | null;
  #bytes = 0;

  constructor(most = MOST_IN_ALL, whole: HeldBytes | null = null) {
    this.#most = most;
    this.#whole = whole;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The share of one connection. */
  share(most = MOST_OF_CONNECTION): HeldBytes {
    return new HeldBytes(most, this);
  }

  /** Counts more bytes if they are within the bounds; returns whether they are. */
  takes(bytes: number): boolean {
    if (this.#bytes + bytes > this.#most) return false;
    if (this.#whole?.takes(bytes) === false) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Counts bytes. Error: SERVER_HELD. */
  take(bytes: number): void {
    if (!this.takes(bytes)) throw fail('SERVER_HELD', { most: this.#most });
  }

  /** Counts bytes no longer. */
  give(bytes: number): void {
    this.#bytes -= bytes;
    this.#whole?.give(bytes);
  }
}

/** The bytes of requests that this process, or this thread, holds: one bound for all of its servers. */
export const heldBytes = new HeldBytes();

const shares = new WeakMap<object, HeldBytes>();

/** The share of a connection in {@link heldBytes}: all requests on it have one. */
export function heldBy(connection: object): HeldBytes {
  const known = shares.get(connection);
  if (known !== undefined) return known;
  const share = heldBytes.share();
  shares.set(connection, share);
  return share;
}
