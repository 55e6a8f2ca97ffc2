import { isHeadraceError } from '../../base/errors/fail.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
import { oipText } from '../request/refuse.ts';
import type { VersionHold } from './cached-version.ts';
import type { ServedVersion } from './served-version.ts';

/** A version, as a client sees it. */
export interface IndexRow {
  readonly name: string;
  readonly version: string;
  readonly state: 'READY' | 'UNAVAILABLE' | 'LOADING';
  readonly reason: string;
}

/**
 * Where a model is:
 *
 * - `absent`: it was never loaded;
 * - `unloaded`: a call unloaded it, and only a call loads it;
 * - `asleep`: it was unloaded because it was idle or its memory was needed: the next request loads it;
 * - `ready`: a version answers; a reload may be under way, or have failed.
 */
export type EntryState = 'absent' | 'unloaded' | 'asleep' | 'ready';

/** One model of a server: its loaded versions, and what became of its last load. */
export class ModelEntry {
  readonly name: string;
  state: EntryState = 'absent';
  /** Loaded versions that it holds, in ascending order. */
  holds: readonly VersionHold[] = [];
  /** Those of them that were loaded for callers; the others are only kept. */
  listed: readonly string[] = [];
  /** The version that its source prefers; null: the newest that is listed. */
  chosen: string | null = null;
  /** Why the last load failed; empty: it did not. */
  reason = '';
  isLoading = false;
  /** Holds that keep it from being unloaded: a declared pin, a caller that reads piece by piece. */
  pins = 0;
  /** Keepers of each version that stays loaded whatever callers ask for: those of a rollout. */
  readonly #keepers = new Map<string, number>();
  /** Requests that have been answered or wait, by version, at the moment. */
  inFlight = 0;
  /** Changes of one model run one after the other. */
  readonly inTurn = turnsInOrder();
  /** The load that concurrent first requests share. */
  #waking: Promise<void> | null = null;

  constructor(name: string) {
    this.name = name;
  }

  /** The one load that all requests wait for which come while the model is not there. */
  wake(load: () => Promise<void>): Promise<void> {
    this.#waking ??= load().finally(() => {
      this.#waking = null;
    });
    return this.#waking;
  }

  /** The version that answers where a caller names none: a version that is only kept is not among those. */
  preferred(): ServedVersion | undefined {
    if (this.chosen !== null) return this.version(this.chosen);
    return this.holds.findLast(({ version }) => this.isListed(version))?.served;
  }

  /** Versions that are kept. */
  get kept(): readonly string[] {
    return [...this.#keepers.keys()];
  }

  keep(version: string): void {
    this.#keepers.set(version, (this.#keepers.get(version) ?? 0) + 1);
  }

  /** Ends one keeping; whether nobody keeps the version now. */
  unkeep(version: string): boolean {
    const left = (this.#keepers.get(version) ?? 1) - 1;
    if (left > 0) this.#keepers.set(version, left);
    else this.#keepers.delete(version);
    return left <= 0;
  }

  isKept(version: string): boolean {
    return this.#keepers.has(version);
  }

  /** Whether a version was loaded for callers: by the choice of its source, or because one named it. */
  isListed(version: string): boolean {
    return this.listed.includes(version);
  }

  version(version: string): ServedVersion | undefined {
    return this.holds.find((one) => one.version === version)?.served;
  }

  /** Memory that is free once it lets its versions go, bytes. */
  get ownBytes(): number {
    return this.holds.reduce((sum, { isLast, served }) => sum + (isLast ? served.sizeBytes : 0), 0);
  }

  get lastUsed(): number {
    return this.holds.reduce((last, { served }) => Math.max(last, served.lastUsed), 0);
  }

  /** Whether it may be unloaded without a call that says so: nobody asks it, and nobody else holds it. */
  get isIdle(): boolean {
    return (
      this.state === 'ready' &&
      !this.isLoading &&
      this.pins === 0 &&
      this.#keepers.size === 0 &&
      this.inFlight === 0 &&
      this.holds.every(({ isLast, served }) => isLast && !served.isBusy)
    );
  }

  /** Its rows of the index; a model without a version has one. */
  rows(): readonly IndexRow[] {
    const { name, reason, isLoading } = this;
    if (this.holds.length > 0) return this.holds.map(({ version }) => ({ name, version, state: 'READY', reason }));
    return [{ name, version: '', state: isLoading ? 'LOADING' : 'UNAVAILABLE', reason: reason || this.#whyAbsent() }];
  }

  /** Notes why a load failed, in words for clients. */
  failed(error: unknown): void {
    this.reason = isHeadraceError(error) ? oipText(error) : 'internal error of the server';
  }

  #whyAbsent(): string {
    return this.state === 'asleep' ? 'unloaded until its next request' : 'unloaded';
  }
}
