import { Admin } from '@platformatic/kafka';
import { until } from './until.ts';

interface Marked {
  readonly brokers: readonly string[];
  /** As Kafka has its name. */
  readonly topic: string;
  readonly partitions: number;
  /** A group with positions in another topic. */
  readonly group?: { readonly id: string; readonly topic: string };
}

/** Brokers answer a commit, and mark its places and positions after it: waits until they have. */
export async function untilMarked({ brokers, topic, partitions, group }: Marked): Promise<void> {
  const admin = new Admin({ clientId: 'test-marks', bootstrapBrokers: [...brokers] });
  const partitionIndexes = Array.from({ length: partitions }, (_, partition) => partition);
  const topics = [
    { name: topic, partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, timestamp: -1n })) },
  ];
  const ends = async (isolationLevel: 0 | 1) =>
    (await admin.listOffsets({ topics, isolationLevel }))
      .flatMap((each) => each.partitions)
      .map(({ partitionIndex, offset }) => `${partitionIndex}: ${offset}`)
      .sort()
      .join();
  try {
    await until(async () => (await ends(1)) === (await ends(0)));
    if (group === undefined) return;
    const groups = [{ groupId: group.id, topics: [{ name: group.topic, partitionIndexes }] }];
    await until(() => admin.listConsumerGroupOffsets({ groups, requireStable: true }).then(() => true, String));
  } finally {
    await admin.close();
  }
}
