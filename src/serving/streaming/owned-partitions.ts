import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { Clock } from '../../base/time.ts';
import type { FencedPartition, LanePosition, StreamLane } from '../../ports/stream-lanes.ts';
import type { ShareGroup } from '../../ports/tile-shares.ts';
import type { ControlLog } from './control-log.ts';
import type { Hold } from './member-step.ts';
import { decodeLaneState } from './stream-record.ts';
import type { Interval } from './version-map.ts';

/** A partition that this process owns. */
export interface OwnedPartition {
  readonly partition: number;
  readonly epoch: number;
  readonly live: FencedPartition;
  /** The next offset to score. */
  next: number;
  hold: Hold | null;
  /** End of the input as it was last looked at. */
  end: number;
  /** The shadow's lane; null: nothing was written there in this epoch. */
  shadow: { readonly fenced: FencedPartition; next: number | null } | null;
}

export interface OwnedPartitionsOptions {
  readonly stream: string;
  readonly partitions: number;
  readonly control: ControlLog;
  readonly live: StreamLane;
  readonly shadow: StreamLane;
  /** The processes that divide the partitions; null: this process has all. */
  readonly group: ShareGroup | null;
  readonly member: string;
  readonly clock: Clock;
}

/** The partitions that this process owns: each is claimed in the control log, then fenced in its lane. */
export class OwnedPartitions {
  readonly #options: OwnedPartitionsOptions;
  readonly #owned = new Map<number, OwnedPartition>();

  constructor(options: OwnedPartitionsOptions) {
    this.#options = options;
  }

  /** In the order of their partitions. */
  get list(): readonly OwnedPartition[] {
    return [...this.#owned.values()].sort((a, b) => a.partition - b.partition);
  }

  named(partition: number): OwnedPartition | undefined {
    return this.#owned.get(partition);
  }

  /** Gives up what belongs to others by now, and takes over what this process is to have. Errors: those of log and lanes. */
  async settle(begins: readonly number[]): Promise<void> {
    const { group, partitions } = this.#options;
    const shares = group === null ? Array.from({ length: partitions }, (_, i) => i) : await group.shares();
    for (const { partition, epoch } of this.list)
      if (!shares.includes(partition) || !this.#isNewest(partition, epoch)) await this.drop(partition);
    for (const partition of shares)
      if (partition < partitions && !this.#owned.has(partition)) await this.#take(partition, begins[partition] ?? 0);
  }

  /** Gives a partition up. One whose last commit is in doubt is taken over again, which says whether it counted. */
  async drop(partition: number): Promise<void> {
    const owned = this.#owned.get(partition);
    this.#owned.delete(partition);
    await owned?.live.close();
    await owned?.shadow?.fenced.close();
  }

  /** The shadow's lane of an owned partition; null: another process has the partition. Errors: those of the lane. */
  async shadowOf(owned: OwnedPartition): Promise<NonNullable<OwnedPartition['shadow']> | null> {
    if (owned.shadow !== null) return owned.shadow;
    const fenced = await this.#fence(this.#options.shadow, owned.partition, owned.epoch);
    if (fenced === null) return null;
    owned.shadow = { fenced, next: fenced.left?.next ?? null };
    return owned.shadow;
  }

  /** Its next use fences it again. */
  async dropShadow(owned: OwnedPartition): Promise<void> {
    const { shadow } = owned;
    owned.shadow = null;
    await shadow?.fenced.close();
  }

  /** Gives everything up, for others to take. */
  async close(): Promise<void> {
    for (const { partition } of this.list) await this.drop(partition);
    await this.#options.group?.close();
  }

  async #take(partition: number, begin: number): Promise<void> {
    const { control, clock, member } = this.#options;
    const epoch = (control.state?.epochs[partition] ?? 0) + 1;
    if (!(await control.append({ kind: 'claim', partition, epoch, member }, clock()))) return;
    const live = await this.#fence(this.#options.live, partition, epoch);
    if (live === null) return;
    try {
      this.#checkMap(partition, live.left);
    } catch (error) {
      await live.close();
      throw error;
    }
    const next = live.left?.next ?? begin;
    this.#owned.set(partition, { partition, epoch, live, next, hold: null, end: next, shadow: null });
  }

  /**
   * Fences a partition as the owner of an epoch. A process that slept after its claim fences too late: the control log, read after the
   * fence, has the newer claim then. null: so it is.
   */
  async #fence(lane: StreamLane, partition: number, epoch: number): Promise<FencedPartition | null> {
    const fenced = await lane.fence(partition);
    try {
      await this.#options.control.refresh();
    } catch (error) {
      await fenced.close();
      throw error;
    }
    if (this.#isNewest(partition, epoch)) return fenced;
    await fenced.close();
    return null;
  }

  #isNewest(partition: number, epoch: number): boolean {
    return this.#options.control.state?.epochs[partition] === epoch;
  }

  /** The part of its map that the last commit had reached must be in this one: the control log may be another than it was. */
  #checkMap(partition: number, left: LanePosition | null): void {
    const { control, stream } = this.#options;
    if (left === null || left.state.length === 0) return;
    const isReached = ({ from }: Interval) => from < left.next;
    const known = (control.state?.intervals[partition] ?? []).filter(isReached);
    const before = decodeLaneState(stream, left.state).intervals.filter(isReached);
    if (before.length !== known.length || !before.every((interval, i) => isSame(interval, known[i])))
      throw fail('STREAM_RECORD', {
        topic: stream,
        reason: `the outputs of partition ${partition} were made by another version map than that of the control log`,
      });
  }
}

function isSame(before: Interval, known: Interval | undefined): boolean {
  const { from, version, digest, plan } = before;
  return known?.from === from && known.version === version && known.digest === digest && known.plan === plan;
}

/** Whether an error says that another process has the partition: no fault, only the end of an ownership. */
export function isFenced(error: unknown): boolean {
  return isHeadraceError(error, 'STREAM_FENCED');
}
