import { moved, type PlanState, withPlan } from './plan-phase.ts';
import type { Canary, Interval, StreamVersion } from './version-map.ts';

/** Where the new version begins. */
export type CutOver =
  /** At the offsets, or where they are left out at the end of each partition when the plan is committed. */
  | { readonly kind: 'at-offset'; readonly offsets: readonly number[] | null }
  /**
   * At the first record with this event time or a later one, epoch ms. A partition begins at its end once it has had no record for
   * `idleMs`, and the clock is as much past the time.
   */
  | { readonly kind: 'at-event-time'; readonly at: number; readonly idleMs?: number | undefined }
  /** At the next record that nobody has begun. */
  | { readonly kind: 'immediate' }
  /** Takes every cut-over that no partition has reached out of the version map, and begins nothing. */
  | { readonly kind: 'cancel' }
  /** As immediate, for the keys of some buckets alone. */
  | {
      readonly kind: 'canary-keys';
      readonly buckets: number;
      readonly salt: string;
      /** Of a rollout: as in the canary of an interval. */
      readonly caller?: string | null | undefined;
    };

/** One record of a job's control log. All members and coordinators fold the same records in the same order. */
export type ControlRecord =
  /** A member takes a partition over; `epoch` is greater than every earlier one of the partition. */
  | { readonly kind: 'claim'; readonly partition: number; readonly epoch: number; readonly member: string }
  | {
      readonly kind: 'plan';
      readonly plan: number;
      readonly to: StreamVersion;
      readonly cutOver: CutOver;
      /** The champion when it was made: a stream follows the alias when it moves, and never back to its earlier version. */
      readonly champion: number | null;
      /** The open plan that it ends by taking its place; left out: it counts only where none is open. */
      readonly replaces?: number | undefined;
    }
  /** A partition is past the offset that the plan names: the plan ends without a trace. */
  | {
      readonly kind: 'passed';
      readonly plan: number;
      readonly partition: number;
      readonly epoch: number;
      readonly at: number;
    }
  /** The owner has the new version ready, and scores no offset from `ceiling` on until the plan has ended. */
  | {
      readonly kind: 'ack';
      readonly plan: number;
      readonly partition: number;
      readonly epoch: number;
      readonly ceiling: number;
    }
  /** The new version begins at these offsets, by partition. */
  | { readonly kind: 'commit'; readonly plan: number; readonly barriers: readonly number[] }
  | { readonly kind: 'abort'; readonly plan: number }
  /** The version that scores every record once more into its own lane; null: none. */
  | { readonly kind: 'shadow'; readonly version: StreamVersion | null };

/** A plan between PREPARE and COMMIT. */
export interface OpenPlan {
  readonly plan: number;
  readonly to: StreamVersion;
  readonly cutOver: CutOver;
  /** By partition: the greatest ceiling of any owner, and the epoch of the newest ack; null: none. */
  readonly acks: readonly ({ readonly epoch: number; readonly ceiling: number } | null)[];
}

/** The state after all records of a control log. */
export interface ControlState {
  /** By partition: 0 before the first claim. */
  readonly epochs: readonly number[];
  /** The version map: intervals by partition. Those that a partition has reached stay as they are. */
  readonly intervals: readonly (readonly Interval[])[];
  readonly open: OpenPlan | null;
  /** The number of the newest plan. */
  readonly lastPlan: number;
  /** The newest plans, in order. */
  readonly plans: readonly PlanState[];
  readonly shadow: StreamVersion | null;
  /** The champion when the newest plan was made, or the job began. */
  readonly champion: number | null;
}

/** The state before the first record: one version for all offsets. */
export function firstControl(partitions: number, { version, digest }: StreamVersion): ControlState {
  const first: Interval = { from: 0, version, digest, plan: 0, canary: null };
  return {
    epochs: new Array<number>(partitions).fill(0),
    intervals: Array.from({ length: partitions }, () => [first]),
    open: null,
    lastPlan: 0,
    plans: [],
    shadow: null,
    champion: version,
  };
}

/** The state after a record; the same state where the record does not count, as everybody sees it then. */
export function applyControl(state: ControlState, record: ControlRecord): ControlState {
  switch (record.kind) {
    case 'claim':
      if (record.epoch <= state.epochs[record.partition]) return state;
      return { ...state, epochs: replaced(state.epochs, record.partition, record.epoch) };
    case 'plan':
      return planned(state, record);
    case 'passed':
      if (state.open?.plan !== record.plan || record.epoch !== state.epochs[record.partition]) return state;
      return { ...state, open: null, plans: moved(state.plans, record.plan, 'refused') };
    case 'ack':
      return acked(state, record);
    case 'commit':
      return committed(state, record);
    case 'abort':
      if (state.open?.plan !== record.plan) return state;
      return { ...state, open: null, plans: moved(state.plans, record.plan, 'aborted') };
    case 'shadow':
      return { ...state, shadow: record.version };
    default:
      return record satisfies never;
  }
}

function acked(
  state: ControlState,
  { plan, partition, epoch, ceiling }: Extract<ControlRecord, { kind: 'ack' }>,
): ControlState {
  const { open, epochs } = state;
  if (open === null || open.plan !== plan) return state;
  if (epoch !== epochs[partition]) return state;
  const greatest = Math.max(ceiling, open.acks[partition]?.ceiling ?? 0);
  return { ...state, open: { ...open, acks: replaced(open.acks, partition, { epoch, ceiling: greatest }) } };
}

function planned(state: ControlState, record: Extract<ControlRecord, { kind: 'plan' }>): ControlState {
  const { open, lastPlan, epochs } = state;
  const { plan, to, cutOver, champion, replaces } = record;
  if (plan !== lastPlan + 1) return state;
  if (open !== null && replaces !== open.plan) return state;
  const before = open === null ? state.plans : moved(state.plans, open.plan, 'superseded');
  return {
    ...state,
    open: { plan, to, cutOver, acks: epochs.map(() => null) },
    lastPlan: plan,
    plans: withPlan(before, plan, to.version),
    champion,
  };
}

function committed(state: ControlState, { plan, barriers }: Extract<ControlRecord, { kind: 'commit' }>): ControlState {
  const { open } = state;
  if (open === null || open.plan !== plan || !mayCommit(state, barriers)) return state;
  const intervals =
    open.cutOver.kind === 'cancel'
      ? withoutUnreached(state.intervals, barriers)
      : state.intervals.map((known, partition) => begun(known, barriers[partition], open));
  const kept = new Set(intervals.flat().map((interval) => interval.plan));
  const gone = open.cutOver.kind === 'cancel' ? 'cancelled' : 'superseded';
  let plans = moved(state.plans, plan, 'committed');
  for (const each of state.plans)
    if (each.phase === 'committed' && isInMap(state, each.plan) && !kept.has(each.plan))
      plans = moved(plans, each.plan, gone);
  return { ...state, intervals, plans, open: null };
}

function isInMap({ intervals }: ControlState, plan: number): boolean {
  return intervals.some((one) => one.some((interval) => interval.plan === plan));
}

/** Nobody has begun an offset from the barrier on: what was to begin after it never does. */
function begun(known: readonly Interval[], barrier: number, open: OpenPlan): readonly Interval[] {
  const kept = known.filter(({ from }) => from <= barrier);
  return [...kept, intervalOf(open, barrier, kept[kept.length - 1])];
}

/**
 * The map without the newest plans that no partition has reached: a plan that one has reached stays in all, and so do those
 * before it. A partition has not reached an interval that begins at its barrier or later.
 */
function withoutUnreached(
  intervals: ControlState['intervals'],
  barriers: readonly number[],
): readonly (readonly Interval[])[] {
  const reached = intervals.flatMap((known, partition) =>
    known.filter(({ from }) => from < barriers[partition]).map(({ plan }) => plan),
  );
  const newest = Math.max(0, ...reached);
  return intervals.map((known) => known.filter(({ plan }) => plan <= newest));
}

/** Whether the owner of each partition has acknowledged the open plan, and no barrier is below what it may have begun. */
export function mayCommit({ open, epochs }: ControlState, barriers: readonly number[]): boolean {
  if (open === null || barriers.length !== epochs.length) return false;
  return epochs.every((epoch, partition) => {
    const ack = open.acks[partition];
    if (ack === null || ack.epoch !== epoch) return false;
    return barriers[partition] >= ack.ceiling;
  });
}

function intervalOf({ plan, to, cutOver }: OpenPlan, from: number, before: Interval): Interval {
  if (cutOver.kind !== 'canary-keys') return { from, ...to, plan, canary: null };
  const { buckets, salt, caller } = cutOver;
  const canary: Canary = { ...to, buckets, salt, ...(caller === undefined ? {} : { caller }) };
  return { from, version: before.version, digest: before.digest, plan, canary };
}

function replaced<T>(values: readonly T[], at: number, value: T): readonly T[] {
  const copy = values.slice();
  copy[at] = value;
  return copy;
}
