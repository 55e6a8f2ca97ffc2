import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { NewEntry, PlaybookStore } from '../../ports/playbook-store.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';

/** The subject: one store, empty at first, that may be opened many times. */
export interface PlaybookStoreSubject {
  open(): MaybePromise<PlaybookStore>;
}

const fact = (reason: string): NewEntry => ({ kind: 'frozen', reason, at: 1_000, by: 'ann' });

/** Rules of `ports/playbook-store.ts`. */
export const playbookStoreContracts: readonly Contract<PlaybookStoreSubject>[] = [
  {
    rule: 1,
    name: 'entries of a model are numbered from 1 in the order of appending, and never change',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      mustEqual(await store.append('m', 0, [fact('a 🙂'), fact('b')]), 2, 'the last revision');
      mustEqual(await store.append('m', 2, [fact('c')]), 3, 'the last revision');
      mustEqual(await store.append('other', 0, [fact('d')]), 1, 'another model');
      const entries = await store.entries('m');
      mustEqual(
        entries.map((entry) => [entry.revision, entry.model, entry.kind === 'frozen' ? entry.reason : '']),
        [
          [1, 'm', 'a 🙂'],
          [2, 'm', 'b'],
          [3, 'm', 'c'],
        ],
        'all entries',
      );
      mustEqual(await store.entries('m', 2), entries.slice(2), 'entries after a revision');
      mustEqual(await store.entries('nobody'), [], 'a model without entries');
      await store.close();
    },
  },
  {
    rule: 2,
    name: 'of two appends at one place the second changes nothing',
    needs: [],
    run: async (subject) => {
      const [one, two] = [await subject.open(), await subject.open()];
      await one.append('m', 0, [fact('first')]);
      await mustFail('PLAYBOOK_MOVED', () => two.append('m', 0, [fact('late'), fact('later')]), 'a late append');
      mustEqual((await two.entries('m')).length, 1, 'entries');
      mustEqual(await two.append('m', 1, [fact('second')]), 2, 'after reading');
      await one.close();
      if (two !== one) await two.close();
    },
  },
  {
    rule: 3,
    name: 'an acknowledged entry is seen by every other one',
    needs: [],
    run: async (subject) => {
      const [one, two] = [await subject.open(), await subject.open()];
      await one.append('m', 0, [fact('kept')]);
      mustEqual((await two.entries('m')).length, 1, 'entries of the other');
      await one.close();
      if (two !== one) await two.close();
    },
  },
];
