import { statSync } from 'node:fs';
import { fail } from '../base/errors/fail.ts';
import { type ApiKey, hashOf, keysFile, readKeys } from './api-keys.ts';
import type { Scope } from './scopes.ts';

/** The interval of checks for changed keys: a revoked key is rejected after this time, ms. */
const LOOK_EVERY_MS = 1_000;

/** Headers that are remembered; only valid ones are, so that nobody can fill the memory. */
const MOST_KNOWN = 1_000;

const LONGEST_HEADER = 200;

/**
 * The valid keys of an environment, in memory. Hot path: a known valid header is found by its text, without a hash or an
 * allocation. An attacker could only time the comparison of SHA-256 sums of guesses, which reveals nothing of a key.
 */
export class KeyRing {
  readonly #directory: string;
  /** Monotonic, ms. */
  readonly #now: () => number;
  #byHash = new Map<string, ApiKey>();
  readonly #known = new Map<string, ApiKey>();
  #seen = '';
  #looked = Number.NEGATIVE_INFINITY;

  constructor(directory: string, now: () => number = () => performance.now()) {
    this.#directory = directory;
    this.#now = now;
  }

  /** Keys that are not revoked. */
  get size(): number {
    this.#look();
    return this.#byHash.size;
  }

  /** The key of a header `authorization`, if it has all of the scopes. Errors: AUTH_KEY, AUTH_SCOPE. */
  authorise(authorization: string | null | undefined, ...scopes: readonly Scope[]): ApiKey {
    this.#look();
    const key = this.#keyOf(authorization ?? '');
    if (key === undefined) throw fail('AUTH_KEY', {});
    const scope = scopes.find((one) => !key.scopes.includes(one));
    if (scope !== undefined && !key.scopes.includes('admin')) throw fail('AUTH_SCOPE', { id: key.id, scope });
    return key;
  }

  #keyOf(header: string): ApiKey | undefined {
    const known = this.#known.get(header);
    if (known !== undefined || header.length > LONGEST_HEADER) return known;
    const [, text] = /^Bearer +(\S+)$/i.exec(header) ?? [];
    const key = text === undefined ? undefined : this.#byHash.get(hashOf(text));
    if (key === undefined) return undefined;
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(header, key);
    return key;
  }

  /** Reads the file again where it has changed. A file that cannot be read leaves no key valid. */
  #look(): void {
    const now = this.#now();
    if (now - this.#looked < LOOK_EVERY_MS) return;
    this.#looked = now;
    const stat = statSync(keysFile(this.#directory), { throwIfNoEntry: false });
    const seen = stat === undefined ? '' : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
    if (seen === this.#seen) return;
    this.#known.clear();
    this.#byHash.clear();
    this.#seen = '';
    const valid = readKeys(this.#directory).filter(({ revokedAt }) => revokedAt === null);
    this.#byHash = new Map(valid.map((key) => [key.sha256, key]));
    this.#seen = seen;
  }
}
