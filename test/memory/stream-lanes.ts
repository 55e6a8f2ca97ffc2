import { fail } from '../../src/base/errors/fail.ts';
import type { SourceTopic } from '../../src/ports/source-topic.ts';
import type {
  FencedPartition,
  LaneCommit,
  LaneNames,
  LanePosition,
  LaneRecord,
  StreamLane,
  StreamLanes,
} from '../../src/ports/stream-lanes.ts';
import type { ShareGroup } from '../../src/ports/tile-shares.ts';
import { MemoryTopic } from './source-topic.ts';

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
  /** Topics of outputs as their groups read them, by the names of the readers. */
  readonly followed = new Map<string, MemoryTopic>();
  readonly partitions: number;
  readonly #member: string;

  constructor(partitions: number, member = 'one', shared?: MemoryLanes) {
    this.partitions = partitions;
    this.#member = member;
    if (shared !== undefined) {
      this.outputs = shared.outputs;
      this.assigned = shared.assigned;
      this.followed = shared.followed;
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

  follow(reader: string, outputs: string): SourceTopic {
    const topic = this.followed.get(reader) ?? new MemoryTopic(outputs, this.partitions);
    this.followed.set(reader, topic);
    const member = topic.join();
    return {
      name: outputs,
      read: (waitMs) => {
        for (const [partition, { records }] of (this.outputs.get(outputs) ?? []).entries())
          for (const record of records.slice(topic.partitions[partition].records.length))
            topic.write(partition, Buffer.from(record.id), record.payload, record);
        return member.read(waitMs);
      },
      commit: (places) => member.commit(places),
      lag: () => member.lag(),
      close: () => member.close(),
    };
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
