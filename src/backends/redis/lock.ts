import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { fail } from '../../base/errors/fail.ts';
import { isAlive } from '../../base/is-alive.ts';
import { type RedisLink, textOf } from './redis-link.ts';
import { dropLock, takeLock } from './scripts.ts';
import type { StoreKeys } from './store-keys.ts';

/** A lock that is not renewed is free after this, ms. */
const LOCK_MS = 15_000;
const RENEW_EVERY_MS = 4_000;

/** The writer: host, process and a random text. Locks of dead processes of this machine are taken over at once. */
export class WriterLock {
  readonly owner = `${hostname()}/${process.pid}/${randomUUID()}`;
  readonly #link: RedisLink;
  readonly #keys: StoreKeys;
  #timer: NodeJS.Timeout | undefined;

  constructor(link: RedisLink, keys: StoreKeys) {
    this.#link = link;
    this.#keys = keys;
  }

  /** Takes the lock and keeps it until `drop`. Error: STORE_LOCKED. */
  async take(): Promise<void> {
    let holder = await this.#try('');
    if (holder !== this.owner && isDead(holder)) holder = await this.#try(holder);
    if (holder !== this.owner) throw fail('STORE_LOCKED', { path: this.#link.address });
    // One that cannot be renewed runs out; the anchors then refuse the commits of who had it.
    this.#timer = setInterval(() => void this.#try('').catch(() => undefined), RENEW_EVERY_MS);
    this.#timer.unref();
  }

  /** Takes it again where it was lost with the rest. Error: STORE_LOCKED. */
  async renew(): Promise<void> {
    if ((await this.#try('')) !== this.owner) throw fail('STORE_LOCKED', { path: this.#link.address });
  }

  async drop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#link.within(this.#link.eval(dropLock, [this.#keys.lock], [this.owner]));
  }

  async #try(gone: string): Promise<string> {
    const args = [this.owner, String(LOCK_MS), gone];
    return textOf(await this.#link.within(this.#link.eval(takeLock, [this.#keys.lock], args)));
  }
}

function isDead(holder: string): boolean {
  const [host, pid] = holder.split('/');
  return host === hostname() && !isAlive(Number(pid));
}
