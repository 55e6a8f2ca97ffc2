import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { SourceTopic, TopicPlaces, TopicRecord } from '../../ports/source-topic.ts';
import type { FencedPartition, LaneCommit, LaneRecord, StreamLane } from '../../ports/stream-lanes.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';

/** The subject: a lane of two partitions, empty at first. */
export interface StreamLanesSubject {
  /** Opens the lane for one of the processes that write it. */
  open(): MaybePromise<StreamLane>;
  /** The ids of the outputs of a partition, as a reader of committed outputs finds them. */
  read(partition: number): MaybePromise<readonly string[]>;
  /** The next offsets that others see; 0: there is none. */
  nexts(): MaybePromise<readonly number[]>;
  /** Joins the followers of one name. */
  follow(): MaybePromise<SourceTopic>;
  close(): MaybePromise<unknown>;
}

/** The rules of `ports/stream-lanes.ts`. */
export const streamLanesContracts: readonly Contract<StreamLanesSubject>[] = [
  {
    rule: 1,
    name: 'outputs, next offset and state are one change',
    needs: [],
    run: async (subject) => {
      const lane = await subject.open();
      const held = await lane.fence(0);
      mustEqual(held.left, null, 'a lane without a commit');
      await held.commit(commitOf(3, ['a', 'b', 'c'], 'first'));
      await held.commit(commitOf(5, ['d', 'e'], 'second'));
      mustEqual(await subject.read(0), ['a', 'b', 'c', 'd', 'e'], 'outputs');
      mustEqual(await subject.nexts(), [5, 0], 'next offsets');
      mustEqual(await leftOf(lane), { next: 5, state: 'second' }, 'what is left');
      await held.close();
      await lane.close();
    },
  },
  {
    rule: 2,
    name: 'an owner that another has fenced commits nothing, however late it wakes up',
    needs: [],
    run: async (subject) => {
      const [one, other] = [await subject.open(), await subject.open()];
      const asleep = await one.fence(0);
      await asleep.commit(commitOf(1, ['a'], 'one'));
      const awake = await other.fence(0);
      await mustFail(
        'STREAM_FENCED',
        async () => asleep.commit(commitOf(2, ['lost'], 'one')),
        'a commit after the fence',
      );
      await awake.commit(commitOf(2, ['b'], 'other'));
      await mustFail('STREAM_FENCED', async () => asleep.commit(commitOf(2, ['lost'], 'one')), 'one after that');
      mustEqual(await subject.read(0), ['a', 'b'], 'outputs');
      mustEqual(await subject.nexts(), [2, 0], 'next offsets');
      await closeAll([asleep, awake, one, other]);
    },
  },
  {
    rule: 3,
    name: 'a new owner finds the last commit of the one before it',
    needs: [],
    run: async (subject) => {
      const [one, other] = [await subject.open(), await subject.open()];
      const first = await one.fence(0);
      await first.commit(commitOf(2, ['a', 'b'], 'left'));
      await first.close();
      mustEqual(await leftOf(other), { next: 2, state: 'left' }, 'what the next owner finds');
      // Many commits of nothing but a position: the newest one counts.
      const held = await other.fence(0);
      for (let next = 3; next < 40; next += 1) await held.commit(commitOf(next, [], `at ${next}`));
      mustEqual(await leftOf(one), { next: 39, state: 'at 39' }, 'the newest one');
      mustEqual(await subject.read(0), ['a', 'b'], 'outputs');
      await closeAll([held, one, other]);
    },
  },
  {
    rule: 4,
    name: 'a fence of one partition leaves the others alone',
    needs: [],
    run: async (subject) => {
      const [one, other] = [await subject.open(), await subject.open()];
      const [first, second] = [await one.fence(0), await other.fence(1)];
      await Promise.all([first.commit(commitOf(1, ['a'], '')), second.commit(commitOf(1, ['b'], ''))]);
      await first.commit(commitOf(2, ['c'], ''));
      mustEqual([await subject.read(0), await subject.read(1)], [['a', 'c'], ['b']], 'outputs');
      mustEqual(await subject.nexts(), [2, 1], 'next offsets');
      await closeAll([first, second, one, other]);
    },
  },
  {
    rule: 6,
    name: 'a follower gets the outputs of commits as they were written, and the next one those that were not committed',
    needs: [],
    run: async (subject) => {
      const lane = await subject.open();
      const held = await lane.fence(0);
      await held.commit(commitOf(2, ['a', 'b'], ''));
      const first = await subject.follow();
      const { places } = await followed(first, ['a', 'b']);
      await first.commit(places);
      await held.commit(commitOf(4, ['c', 'd'], ''));
      await followed(first, ['c', 'd']);
      await first.close();
      const second = await subject.follow();
      const { records } = await followed(second, ['c', 'd']);
      const [{ logged }] = records;
      const [written] = commitOf(4, ['c'], '').records;
      const payload = Buffer.from(logged?.payload ?? []).toString();
      mustEqual([logged?.ts, logged?.ingestTs, payload], [0, written.ingestTs, 'output c'], 'an output');
      await second.close();
      await closeAll([held, lane]);
    },
  },
];

/** Longer than a group needs to divide partitions, ms. */
const LONGEST_MS = 30_000;
const WAIT_MS = 100;

/** Reads until this number of outputs has come; they must be the named ones. */
async function followed(topic: SourceTopic, ids: readonly string[]) {
  const records: TopicRecord[] = [];
  let places: TopicPlaces = { life: 0, offsets: new Map() };
  for (const end = performance.now() + LONGEST_MS; records.length < ids.length && performance.now() < end; ) {
    const batch = await topic.read(WAIT_MS);
    records.push(...batch.records);
    if (batch.next.offsets.size > 0) places = batch.next;
  }
  mustEqual(
    records.map(({ logged }) => logged?.id),
    ids,
    'outputs',
  );
  return { records, places };
}

function commitOf(next: number, ids: readonly string[], state: string): LaneCommit {
  const records = ids.map((id, i): LaneRecord => {
    return { id, ts: i, ingestTs: 1_000 + next, payload: Buffer.from(`output ${id}`), headers: { version: '3' } };
  });
  return { records, next, state: Buffer.from(state) };
}

async function leftOf(lane: StreamLane): Promise<unknown> {
  const held: FencedPartition = await lane.fence(0);
  const { left } = held;
  await held.close();
  return left === null ? null : { next: left.next, state: Buffer.from(left.state).toString() };
}

async function closeAll(opened: readonly { close(): MaybePromise<void> }[]): Promise<void> {
  for (const one of opened) await one.close();
}
