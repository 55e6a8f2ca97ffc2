import type { ControlState } from './control-state.ts';
import type { PlanState } from './plan-phase.ts';
import { type Interval, intervalAt } from './version-map.ts';

/** How a stream stands. */
export interface StreamStatus {
  readonly model: string;
  /** By partition; empty before the stream has a version. */
  readonly partitions: readonly {
    /** Offsets below it are scored. */
    readonly next: number;
    /** Records that wait. */
    readonly waiting: number;
    /** Whether this process scores it. */
    readonly here: boolean;
    readonly intervals: readonly Interval[];
  }[];
  /** The version of the open plan, and its cut-over; null: none. */
  readonly rollingTo: number | null;
  /** Partitions whose owner has not acknowledged the open plan. */
  readonly unacknowledged: readonly number[];
  readonly shadow: number | null;
  /** The newest plans, and whether every partition has reached them. */
  readonly plans: readonly (PlanState & { readonly reached: boolean })[];
}

/** The position of a partition. */
export interface PartitionPlace {
  readonly next: number;
  readonly end: number;
  readonly here: boolean;
}

export function statusOf(model: string, state: ControlState | null, places: readonly PartitionPlace[]): StreamStatus {
  if (state === null) return { model, partitions: [], rollingTo: null, unacknowledged: [], shadow: null, plans: [] };
  const { open, epochs } = state;
  const isMissing = (partition: number) => open?.acks[partition]?.epoch !== epochs[partition];
  return {
    model,
    partitions: places.map(({ next, end, here }, partition) => ({
      next,
      waiting: Math.max(0, end - next),
      here,
      intervals: state.intervals[partition] ?? [],
    })),
    rollingTo: open?.to.version ?? null,
    unacknowledged: open === null ? [] : [...epochs.keys()].filter((partition) => isMissing(partition)),
    shadow: state.shadow?.version ?? null,
    plans: state.plans.map((one) => ({ ...one, reached: isReached(state, one, places) })),
  };
}

/** Whether every partition scores by a plan already, or by a later one. */
function isReached(
  { intervals }: ControlState,
  { plan, phase }: PlanState,
  places: readonly PartitionPlace[],
): boolean {
  return (
    phase === 'committed' && places.every(({ next }, partition) => intervalAt(intervals[partition], next).plan >= plan)
  );
}
