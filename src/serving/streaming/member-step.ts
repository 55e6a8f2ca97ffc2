import type { ControlState, CutOver } from './control-state.ts';
import { intervalAt } from './version-map.ts';

/** The promise of an owner that has acknowledged a plan. */
export interface Hold {
  readonly plan: number;
  readonly ceiling: number;
}

/** One owned partition, as its owner knows it. */
export interface Owned {
  readonly partition: number;
  readonly epoch: number;
  /** The next offset that nobody of this epoch has begun. */
  readonly next: number;
  readonly hold: Hold | null;
}

/**
 * The end, exclusive, of the offsets from `owned.next` on that the owner may score now: it keeps its promise until it sees that
 * the plan has ended, and stops before an offset whose version it has not loaded.
 */
export function mayScoreTo(
  { intervals, open }: ControlState,
  { partition, next, hold }: Owned,
  end: number,
  isLoaded: (version: number) => boolean,
): number {
  let limit = end;
  if (hold !== null && open?.plan === hold.plan) limit = Math.min(limit, hold.ceiling);
  const known = intervals[partition];
  for (let at = known.indexOf(intervalAt(known, next)); at < known.length; at += 1) {
    const { from, version, canary } = known[at];
    if (from >= limit) break;
    const isReady = isLoaded(version) && (canary === null || isLoaded(canary.version));
    // An interval that the next one covers whole has no offset.
    const isEmpty = at + 1 < known.length && known[at + 1].from <= Math.max(from, next);
    if (!isReady && !isEmpty) limit = Math.min(limit, Math.max(from, next));
  }
  return Math.max(next, limit);
}

/** The promise that outlives a look at the control state; null: the plan has ended, or another one is open. */
export function holdAfter({ open }: ControlState, hold: Hold | null): Hold | null {
  return hold !== null && open?.plan === hold.plan ? hold : null;
}

/** The records of a partition that the owner can see, for the place of a cut-over. */
export interface Seen {
  /** End of the partition. */
  readonly end: number;
  /** The first offset from `next` on with an event time of at least `at`; null: none is there yet. */
  readonly firstAt: (at: number) => number | null;
  /** Whether the partition has had no record for `idleMs`, and the clock is as much past an event time. */
  readonly isIdle: (at: number, idleMs: number) => boolean;
}

/** Time without a record after which a partition waits for no event time, ms. */
export const IDLE_MS = 60_000;

/**
 * The ceiling with which an owner acknowledges the open plan; null: not yet; `passed`: it is past the offset that the plan names.
 * Everything that it has begun is below the ceiling.
 */
export function ceilingOf(
  cutOver: CutOver,
  { partition, next }: Owned,
  { end, firstAt, isIdle }: Seen,
): number | 'passed' | null {
  switch (cutOver.kind) {
    case 'at-offset': {
      const named = cutOver.offsets?.[partition];
      if (named === undefined) return Math.max(next, end);
      return named < next ? 'passed' : named;
    }
    case 'at-event-time':
      return firstAt(cutOver.at) ?? (isIdle(cutOver.at, cutOver.idleMs ?? IDLE_MS) ? Math.max(next, end) : null);
    case 'immediate':
    case 'canary-keys':
    case 'cancel':
      return next;
    default:
      return cutOver satisfies never;
  }
}

/** The barriers that commit the open plan; null: an ack is missing. */
export function barriersOf({ open, epochs }: ControlState): readonly number[] | null {
  if (open === null) return null;
  const barriers: number[] = [];
  for (const [partition, epoch] of epochs.entries()) {
    const ack = open.acks[partition];
    if (ack === null || ack.epoch !== epoch) return null;
    barriers.push(ack.ceiling);
  }
  return barriers;
}
