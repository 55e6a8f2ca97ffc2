import type { ClockReport, ClockSpan } from './time.ts';

/** Clocks of a machine, ms. */
export interface ClockSources {
  /** Epoch ms by the system; anybody may set it. */
  readonly wall: () => number;
  /** Never set and never goes back; may stand still while the machine sleeps. */
  readonly monotonic: () => number;
  /** Since the machine started, its sleep included; null where the system does not say. */
  readonly sinceBoot: () => number | null;
  /** Names this start of the machine; null where the system does not say. */
  readonly boot: string | null;
}

/** A time that was known, and where the other clocks of the machine stood. */
export interface KnownTime {
  readonly wall: number;
  readonly sinceBoot: number | null;
  readonly boot: string | null;
}

/** The time of the system is followed at once while it differs by at most this from the expected one, ms. */
export const FOLLOWED_STEP_MS = 60_000;

/** A time before the expected one becomes the expected one after this, ms. */
export const SETTLES_AFTER_MS = 3_600_000;

/** The expected time begins at the time of the system again after this, so that slow corrections never add up, ms. */
const FOLLOW_EVERY_MS = 10_000;

/** Sleep of the machine is looked up at most this often while the clocks differ, ms. */
const LOOK_EVERY_MS = 1_000;

/** An acceptance on a machine that does not name its starts counts for this long, ms. */
const ACCEPTED_FOR_MS = 600_000;

/** Where the clocks stood at a time that nothing contradicted. */
interface Known {
  readonly wall: number;
  readonly monotonic: number;
  readonly sinceBoot: number | null;
  /** Whether more time may have passed since: the machine was started again, and nobody knows how long it was off. */
  readonly isLeast: boolean;
}

/** The present disagreement. */
interface Doubt {
  /** `monotonic` when it began. */
  readonly since: number;
  readonly aheadMs: number;
}

/**
 * The time of the system, checked against the expected one: the last known time and what the machine counted since. While both agree
 * it is the time of the system. While they differ it is between both: the smaller one is now, and the larger one bounds the future.
 */
export class GuardedClock {
  readonly #clocks: ClockSources;
  #known: Known;
  #doubt: Doubt | null = null;
  #jumps = 0;
  #asleepMs = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** `last`: what an earlier process, or this start of the machine, knew; null: nothing. */
  constructor(clocks: ClockSources, last: KnownTime | null = null) {
    this.#clocks = clocks;
    const wall = clocks.wall();
    const sinceBoot = clocks.sinceBoot();
    this.#known = { wall, monotonic: clocks.monotonic(), sinceBoot, isLeast: false };
    if (last === null) return;
    const passedMs = passedSince(last, { wall, sinceBoot, boot: clocks.boot });
    const isLeast = passedMs === null;
    const expected = last.wall + (passedMs ?? 0);
    if (isLeast && expected <= wall) return;
    this.#known = { ...this.#known, wall: expected, isLeast };
    this.span();
  }

  /** Now: the smaller of two times that differ. Hot path. */
  now(): number {
    return this.span().from;
  }

  /** Between which times it is now. Hot path. */
  span(): ClockSpan {
    const wall = this.#clocks.wall();
    const monotonic = this.#clocks.monotonic();
    const known = this.#known;
    if (this.#doubt === null) {
      const passedMs = monotonic - known.monotonic;
      if (Math.abs(wall - known.wall - passedMs) <= FOLLOWED_STEP_MS) {
        if (passedMs >= FOLLOW_EVERY_MS) this.#follow(wall, monotonic);
        return { from: wall, to: wall };
      }
    }
    return this.#compare(wall, monotonic);
  }

  report(): ClockReport {
    this.span();
    return { aheadMs: this.#doubt?.aheadMs ?? 0, jumps: this.#jumps };
  }

  /** The beginning for a later process: the expected time, which is the time of the system while nothing contradicts it. */
  known(): KnownTime {
    const { boot, wall, monotonic, sinceBoot } = this.#clocks;
    this.span();
    const isTrusted = this.#doubt === null;
    return { wall: isTrusted ? wall() : this.#expected(monotonic()), sinceBoot: sinceBoot(), boot };
  }

  /** Takes the time of the system as the known one, if `accepted` is that time. */
  accept(accepted: KnownTime): boolean {
    const { boot, wall, monotonic, sinceBoot } = this.#clocks;
    const here = { wall: wall(), sinceBoot: sinceBoot(), boot };
    const passedMs = passedSince(accepted, here);
    const differsMs = here.wall - accepted.wall - (passedMs ?? 0);
    const isSame =
      passedMs === null
        ? accepted.boot === boot && differsMs >= -FOLLOWED_STEP_MS && differsMs <= ACCEPTED_FOR_MS
        : Math.abs(differsMs) <= FOLLOWED_STEP_MS;
    if (isSame) this.#follow(here.wall, monotonic());
    return isSame;
  }

  #compare(wall: number, monotonic: number): ClockSpan {
    const expected = this.#expected(monotonic);
    const aheadMs = wall - expected;
    const agrees = Math.abs(aheadMs) <= FOLLOWED_STEP_MS || (this.#known.isLeast && aheadMs > 0);
    if (agrees || this.#isSettled(aheadMs, monotonic)) {
      this.#follow(wall, monotonic);
      return { from: wall, to: wall };
    }
    if (this.#doubt === null || Math.abs(this.#doubt.aheadMs - aheadMs) > FOLLOWED_STEP_MS) {
      this.#jumps += 1;
      this.#doubt = { since: monotonic, aheadMs };
    }
    return aheadMs > 0 ? { from: expected, to: wall } : { from: wall, to: expected };
  }

  /** A time that lies back already counts as now. Only its bound of the future is left. */
  #isSettled(aheadMs: number, monotonic: number): boolean {
    const doubt = this.#doubt;
    if (doubt === null || aheadMs > 0 || Math.abs(doubt.aheadMs - aheadMs) > FOLLOWED_STEP_MS) return false;
    return monotonic - doubt.since >= SETTLES_AFTER_MS;
  }

  #follow(wall: number, monotonic: number): void {
    const sinceBoot = this.#clocks.sinceBoot();
    this.#known = { wall, monotonic, sinceBoot, isLeast: false };
    this.#doubt = null;
    this.#asleepMs = 0;
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  #expected(monotonic: number): number {
    const { wall, monotonic: from, sinceBoot } = this.#known;
    if (sinceBoot !== null && Math.abs(monotonic - this.#lookedAt) >= LOOK_EVERY_MS) {
      const now = this.#clocks.sinceBoot();
      this.#asleepMs = now === null ? 0 : Math.max(0, now - sinceBoot - (monotonic - from));
      this.#lookedAt = monotonic;
    }
    return wall + (monotonic - from) + this.#asleepMs;
  }
}

/** Time that the machine counted since a known time; null: it was started again, or does not say. */
function passedSince(last: KnownTime, now: KnownTime): number | null {
  if (last.boot === null || last.boot !== now.boot || last.sinceBoot === null || now.sinceBoot === null) return null;
  const passedMs = now.sinceBoot - last.sinceBoot;
  return passedMs < 0 ? null : passedMs;
}
