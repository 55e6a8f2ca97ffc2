import type { WaitingId, WaitingIds } from '../../ports/waiting-ids.ts';
import { type Contract, mustEqual } from './contract.ts';

/** The subject: opens ids that wait; nobody else has them. */
export interface WaitingIdsSubject {
  open(): WaitingIds;
}

const waiting = (id: string, bucket: number, ...numbers: readonly number[]): WaitingId => ({
  id,
  bucket,
  numbers: Float64Array.from(numbers),
});

const plain = (of: WaitingId | null) => of && { id: of.id, bucket: of.bucket, numbers: [...of.numbers] };

/** Ids and numbers that a store might change. */
const EDGES: readonly WaitingId[] = [
  waiting('', 0),
  waiting('a\u0000b', 1, Number.NaN),
  waiting('🙂', 8.64e15, -0, 2 ** 53 + 2, 5e-324),
  waiting("'); DROP TABLE ids;--", -3, Number.POSITIVE_INFINITY, Number.MAX_VALUE),
  waiting('x'.repeat(10_000), Number.POSITIVE_INFINITY, 0.1),
];

/** Rules of `ports/waiting-ids.ts`. */
export const waitingIdsContracts: readonly Contract<WaitingIdsSubject>[] = [
  {
    rule: 1,
    name: 'it is empty when it is opened, also after a use that was never closed',
    needs: [],
    run: async (subject) => {
      subject.open().put([waiting('a', 1, 1)]);
      const again = subject.open();
      mustEqual([again.size, again.take('a'), again.firstBucket()], [0, null, Number.POSITIVE_INFINITY], 'opened');
      again.close();
    },
  },
  {
    rule: 2,
    name: 'an id that is put again has its last numbers and bucket alone',
    needs: [],
    run: async (subject) => {
      const ids = subject.open();
      ids.put([waiting('a', 1, 1), waiting('b', 2), waiting('a', 5, 2, 3)]);
      ids.put([waiting('b', 9, 4)]);
      mustEqual([ids.size, ids.firstBucket()], [2, 5], 'size and first bucket');
      mustEqual(ids.takeDue(4, 10).map(plain), [], 'the buckets before');
      mustEqual(ids.takeDue(9, 10).map(plain), [waiting('a', 5, 2, 3), waiting('b', 9, 4)].map(plain), 'the last ones');
      ids.close();
    },
  },
  {
    rule: 3,
    name: 'an id is taken once, with its exact numbers',
    needs: [],
    run: async (subject) => {
      const ids = subject.open();
      ids.put(EDGES);
      for (const edge of EDGES) {
        mustEqual(plain(ids.take(edge.id)), plain(edge), 'what was put');
        mustEqual(ids.take(edge.id), null, 'the second time');
      }
      mustEqual(ids.size, 0, 'size');
      ids.close();
    },
  },
  {
    rule: 4,
    name: 'due ids are taken once, those of earlier buckets first, and no more than asked for',
    needs: [],
    run: async (subject) => {
      const ids = subject.open();
      ids.put([waiting('c', 3), waiting('a', 1), waiting('d', 4), waiting('b', 2)]);
      const names = (bucket: number, most: number) => ids.takeDue(bucket, most).map(({ id }) => id);
      mustEqual([names(3, 2), names(3, 2), names(3, 2)], [['a', 'b'], ['c'], []], 'up to bucket 3');
      mustEqual([ids.size, ids.firstBucket()], [1, 4], 'the rest');
      mustEqual(names(Number.POSITIVE_INFINITY, 5), ['d'], 'everything');
      ids.close();
    },
  },
  {
    rule: 6,
    name: 'it is empty after it was cleared, and takes ids again',
    needs: [],
    run: async (subject) => {
      const ids = subject.open();
      ids.put([waiting('a', 1, 1)]);
      ids.clear();
      mustEqual([ids.size, ids.take('a'), ids.firstBucket()], [0, null, Number.POSITIVE_INFINITY], 'cleared');
      ids.put([waiting('a', 2, 7)]);
      mustEqual(plain(ids.take('a')), plain(waiting('a', 2, 7)), 'put again');
      ids.close();
    },
  },
];
