import type { Canary, Interval, StreamVersion } from './version-map.ts';

/** Where the new version begins. */
export type CutOver =
  /** At the offsets, or where they are left out at the end of each partition when the plan is committed. */
  | { readonly kind: 'at-offset'; readonly offsets: readonly number[] | null }
  /** At the first record with this event time or a later one, epoch ms. */
  | { readonly kind: 'at-event-time'; readonly at: number }
  /** At the next record that nobody has begun. */
  | { readonly kind: 'immediate' }
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
  /** The version map: intervals by partition, only ever added to. */
  readonly intervals: readonly (readonly Interval[])[];
  readonly open: OpenPlan | null;
  /** The number of the newest plan. */
  readonly lastPlan: number;
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
      if (state.open !== null || record.plan !== state.lastPlan + 1) return state;
      return {
        ...state,
        open: { plan: record.plan, to: record.to, cutOver: record.cutOver, acks: state.epochs.map(() => null) },
        lastPlan: record.plan,
        champion: record.champion,
      };
    case 'ack':
      return acked(state, record);
    case 'commit':
      return committed(state, record);
    case 'abort':
      return state.open?.plan === record.plan ? { ...state, open: null } : state;
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

function committed(state: ControlState, { plan, barriers }: Extract<ControlRecord, { kind: 'commit' }>): ControlState {
  const { open } = state;
  if (open === null || open.plan !== plan || !mayCommit(state, barriers)) return state;
  const intervals = state.intervals.map((known, partition) => [
    ...known,
    intervalOf(open, barriers[partition], known[known.length - 1]),
  ]);
  return { ...state, intervals, open: null };
}

/** Whether the owner of each partition has acknowledged the open plan, and no barrier is below what it may have begun. */
export function mayCommit({ open, epochs, intervals }: ControlState, barriers: readonly number[]): boolean {
  if (open === null || barriers.length !== epochs.length) return false;
  return epochs.every((epoch, partition) => {
    const ack = open.acks[partition];
    const newest = intervals[partition][intervals[partition].length - 1];
    if (ack === null || ack.epoch !== epoch) return false;
    if (barriers[partition] < ack.ceiling) return false;
    return barriers[partition] >= newest.from;
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
