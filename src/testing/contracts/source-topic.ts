import type { SourceTopic, TopicRecord } from '../../ports/source-topic.ts';
import { type Contract, mustEqual } from './contract.ts';

/** The subject: an empty topic of two partitions, and the members of one group. */
export interface SourceTopicSubject {
  /** Gives the offset; a value of null is a tombstone. */
  write(partition: number, key: string | null, value: string | null): Promise<number>;
  /** Deletes the records before an offset, as retention does. */
  trim(partition: number, offset: number): Promise<void>;
  join(): Promise<SourceTopic>;
}

/** More than the time that a group needs to reassign partitions, ms. */
const LONGEST_MS = 30_000;
const WAIT_MS = 100;

/** The rules of `ports/source-topic.ts` but the sixth, for which something has to fail. */
export const sourceTopicContracts: readonly Contract<SourceTopicSubject>[] = [
  {
    rule: 1,
    name: 'the records of a partition arrive in its order, each once, with their written key and value',
    needs: [],
    async run(subject) {
      const written = await writeBoth(subject, 20);
      const topic = await subject.join();
      mustEqual(sorted(await readAll(topic, 40)), written, 'records');
      mustEqual(await subject.write(1, null, null), 20, 'offset of a tombstone');
      mustEqual(await readAll(topic, 1), [[1, 20, null, null]], 'records that came later');
      await topic.close();
    },
  },
  {
    rule: 2,
    name: 'a new owner of a partition starts at the committed position of the group, or at the beginning',
    needs: [],
    async run(subject) {
      const written = await writeBoth(subject, 10);
      const first = await subject.join();
      const { life } = await readUntil(first, 20);
      await first.commit({ life, offsets: new Map([[0, 7]]) });
      await first.close();
      const second = await subject.join();
      const rest = written.filter(([partition, offset]) => partition === 1 || Number(offset) >= 7);
      mustEqual(sorted(await readAll(second, rest.length)), rest, 'records');
      mustEqual(lagOf(second), [3, 10], 'records behind');
      await second.close();
    },
  },
  {
    rule: 3,
    name: 'a member commits nothing of a partition that it has lost',
    needs: [],
    async run(subject) {
      const first = await subject.join();
      await writeBoth(subject, 10);
      const { life } = await readUntil(first, 20);
      const second = await subject.join();
      await until(async () => {
        await first.read(WAIT_MS);
        await second.read(WAIT_MS);
        return first.lag().length === 1 && second.lag().length === 1;
      });
      const [{ partition }] = second.lag();
      await first.commit({ life, offsets: new Map([[partition, 10]]) });
      await second.close();
      await until(async () => {
        await first.read(WAIT_MS);
        return first.lag().length === 2;
      });
      mustEqual(first.lag().find((lag) => lag.partition === partition)?.behind, 10, 'records behind of what was taken');
      await first.close();
    },
  },
  {
    rule: 4,
    name: 'a read waits for a first record, and is empty when its time is over',
    needs: [],
    async run(subject) {
      const topic = await subject.join();
      await until(async () => {
        await topic.read(WAIT_MS);
        return topic.lag().length === 2;
      });
      const before = performance.now();
      mustEqual((await topic.read(300)).records, [], 'records of nothing');
      const waitedMs = performance.now() - before;
      if (waitedMs < 200 || waitedMs > 5_000) throw new Error(`a read of 300 ms took ${waitedMs} ms`);
      const [{ records }] = await Promise.all([topic.read(20_000), subject.write(0, 'k', 'v')]);
      mustEqual(records.map(textOf), [[0, 0, 'k', 'v']], 'what was written meanwhile');
      await topic.close();
    },
  },
  {
    rule: 5,
    name: 'records deleted before they were read are counted and reported',
    needs: [],
    async run(subject) {
      await writeBoth(subject, 10);
      const first = await subject.join();
      const { life } = await readUntil(first, 20);
      const offsets = new Map([
        [0, 2],
        [1, 10],
      ]);
      await first.commit({ life, offsets });
      await first.close();
      await subject.trim(0, 6);
      const second = await subject.join();
      const { records, lost, told } = await readUntil(second, 4);
      mustEqual(
        records.map(({ partition, offset }) => [partition, offset]),
        [6, 7, 8, 9].map((offset) => [0, offset]),
        'records',
      );
      mustEqual([lost, told], [4, ['TOPIC_LOST']], 'what is told of those that are gone');
      await second.close();
    },
  },
  {
    rule: 7,
    name: 'a closed member leaves its partitions to the others, which read the uncommitted records',
    needs: [],
    async run(subject) {
      const first = await subject.join();
      await until(async () => {
        await first.read(WAIT_MS);
        return first.lag().length === 2;
      });
      const second = await subject.join();
      await until(async () => {
        await first.read(WAIT_MS);
        await second.read(WAIT_MS);
        return second.lag().length === 1;
      });
      await writeBoth(subject, 5);
      await readUntil(first, 5);
      await first.close();
      const { records } = await readUntil(second, 10);
      const places = records.map(({ partition, offset }) => `${partition} ${offset}`);
      mustEqual(new Set(places).size, 10, 'records of both partitions');
      await second.close();
    },
  },
];

type Written = readonly [partition: number, offset: number, key: string | null, value: string | null];

/** Writes this many records to each of the partitions. */
async function writeBoth(subject: SourceTopicSubject, records: number): Promise<readonly Written[]> {
  const written: Written[] = [];
  for (const partition of [0, 1])
    for (let i = 0; i < records; i += 1) {
      const [key, value] = [`k${i}`, `${partition} é ${i}`];
      written.push([partition, await subject.write(partition, key, value), key, value]);
    }
  return written;
}

/** Reads until this many records have arrived. */
async function readUntil(topic: SourceTopic, count: number) {
  const records: TopicRecord[] = [];
  const told: string[] = [];
  let lost = 0;
  let life = 0;
  await until(async () => {
    const batch = await topic.read(WAIT_MS);
    records.push(...batch.records);
    told.push(...batch.told.map(({ code }) => code));
    lost += batch.lost;
    life = batch.next.life;
    return records.length >= count;
  });
  return { records, told, lost, life };
}

async function readAll(topic: SourceTopic, count: number): Promise<readonly Written[]> {
  return (await readUntil(topic, count)).records.map(textOf);
}

function textOf({ partition, offset, key, value }: TopicRecord): Written {
  const text = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes));
  return [partition, offset, text(key), text(value)];
}

/** By partition; those of one stay as they are. */
function sorted(records: readonly Written[]): readonly Written[] {
  return records.toSorted(([a], [b]) => a - b);
}

function lagOf(topic: SourceTopic): readonly number[] {
  return topic
    .lag()
    .toSorted((a, b) => a.partition - b.partition)
    .map(({ behind }) => behind);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + LONGEST_MS; !(await holds()); )
    if (performance.now() > end) throw new Error(`it did not come to hold in ${LONGEST_MS} ms`);
}
