import { fail } from '../../base/errors/fail.ts';
import type {
  FencedPartition,
  LaneCommit,
  LaneNames,
  LanePosition,
  LaneRecord,
  StreamLane,
  StreamLanes,
} from '../../ports/stream-lanes.ts';
import type { ShareGroup } from '../../ports/tile-shares.ts';

/** A partition of a lane. */
export interface MemoryLanePartition {
  fence: number;
  position: LanePosition | null;
  readonly records: LaneRecord[];
}

/** Lanes in memory: the definition of the port. All openers of one object are the processes of a stream. */
export class MemoryLanes implements StreamLanes {
  /** Topics of outputs, as their readers see them. */
  readonly outputs = new Map<string, readonly MemoryLanePartition[]>();
  /** The partitions of each member; a member that is not named has none. */
  readonly assigned = new Map<string, readonly number[]>();
  readonly partitions: number;
  readonly #member: string;

  constructor(partitions: number, member = 'one', shared?: MemoryLanes) {
    this.partitions = partitions;
    this.#member = member;
    if (shared !== undefined) {
      this.outputs = shared.outputs;
      this.assigned = shared.assigned;
    }
  }

  join(): ShareGroup {
    // The group of a process changes whenever a test says so.
    return { shares: async () => this.assigned.get(this.#member) ?? [], close: async () => undefined };
  }

  open({ outputs, partitions }: LaneNames): StreamLane {
    const made = Array.from(
      { length: partitions },
      (): MemoryLanePartition => ({ fence: 0, position: null, records: [] }),
    );
    const known = this.outputs.get(outputs) ?? made;
    this.outputs.set(outputs, known);
    return { fence: (partition) => fenced(known[partition], outputs, partition), close: () => undefined };
  }

  partitionsOf(): number {
    return this.partitions;
  }

  close(): void {
    // Other members use the lanes.
  }
}

function fenced(held: MemoryLanePartition, topic: string, partition: number): FencedPartition {
  held.fence += 1;
  const mine = held.fence;
  return {
    left: held.position,
    isShared: true,
    commit: ({ records, next, state }: LaneCommit) => {
      if (held.fence !== mine) throw fail('STREAM_FENCED', { topic, partition });
      held.records.push(...records);
      held.position = { next, state };
    },
    close: () => undefined,
  };
}
