import { expect } from 'vitest';
import type { AlertStore, KeptIncident } from '../../src/ports/alert-store.ts';
import { incident, START } from './desk.ts';

/** Opens the same store again at each call, as another process does. */
type Open = () => AlertStore | Promise<AlertStore>;

const to = () => [{ sink: 'hook', digestMs: 0 }];

function opened(found: KeptIncident | null): Omit<KeptIncident, 'no'> {
  const base = { revision: 1, state: 'open', openedAt: START, acknowledgedBy: null, resolution: null } as const;
  return found === null
    ? { ...incident(), ...base, severities: ['page'] }
    : { ...found, revision: found.revision + 1, summary: `${found.summary}+` };
}

/** The rules of a store of incidents, for every database. */
export const alertRules: readonly { readonly name: string; readonly run: (open: Open) => Promise<void> }[] = [
  {
    name: 'an incident and its deliveries are kept together, and one fingerprint is open once',
    run: async (open) => {
      const stores = await Promise.all([open(), open(), open()]);
      const { fingerprint } = incident();
      await Promise.all(stores.map((store) => store.change(fingerprint, opened, to, START)));
      const active = await stores[0].active();
      expect(active.map(({ revision }) => revision)).toEqual([3]);
      expect(await stores[1].deliveriesOf(active[0].no)).toMatchObject([{ sink: 'hook', wanted: 3, state: 'waiting' }]);
      const failing = stores[2].change(
        'other',
        opened,
        () => {
          throw new Error('no routes');
        },
        START,
      );
      await expect(failing).rejects.toThrow('no routes');
      expect(await stores[0].active()).toHaveLength(1);
      for (const store of stores) await store.close();
    },
  },
  {
    name: 'of several processes that claim a delivery one gets it, until its time is over',
    run: async (open) => {
      const stores = await Promise.all([open(), open(), open(), open()]);
      await stores[0].change(incident().fingerprint, opened, to, START);
      const due = await stores[0].due('hook', START);
      expect(due).toHaveLength(1);
      const claims = await Promise.all(stores.map((store) => store.claim(due, START, START + 60_000)));
      expect(claims.filter(Boolean)).toHaveLength(1);
      expect(await stores[1].due('hook', START + 1)).toEqual([]);
      expect(await stores[1].due('hook', START + 60_000)).toHaveLength(1);
      for (const store of stores) await store.close();
    },
  },
  {
    name: 'a settled attempt hides no change that came during it',
    run: async (open) => {
      const store = await open();
      const { fingerprint } = incident();
      for (const state of ['settled', 'repeating', 'dead'] as const) {
        await store.change(fingerprint, opened, to, START);
        const [due] = await store.due('hook', START);
        await store.claim([due], START, START + 60_000);
        await store.change(fingerprint, opened, to, START);
        const accepted = state === 'dead' ? due.accepted : due.wanted;
        const { incident: no, sink, wanted } = due;
        const result = { accepted, state, dueAt: START + 1e6, attempts: 1, failingSince: null, error: null };
        await store.settle([{ incident: no, sink, wanted, ...result }]);
        expect(await store.deliveriesOf(no)).toMatchObject([{ state: 'waiting', dueAt: 0 }]);
        const [again] = await store.due('hook', START);
        await store.settle([{ incident: no, sink, wanted: again.wanted, ...result, accepted: again.wanted }]);
        expect(await store.deliveriesOf(no)).toMatchObject([{ state }]);
      }
      expect(await store.retry('other', START)).toBe(0);
      expect(await store.retry(null, START)).toBe(1);
      await store.close();
    },
  },
  {
    name: 'silences, counts and pruning are those of every process',
    run: async (open) => {
      const [one, two] = [await open(), await open()];
      const of = { model: null, kind: null, slice: null, fingerprint: null, by: 'ada', reason: 'release' };
      const { id } = await one.silence({ ...of, from: START, until: START + 1_000 });
      expect(await two.silences(START)).toMatchObject([{ id, by: 'ada' }]);
      expect(await two.endSilence(id, START + 1)).toBe(true);
      expect(await one.silences(START + 2)).toEqual([]);
      await Promise.all([one.count('hook', 'accepted', START), two.count('hook', 'accepted', START + 1)]);
      expect(await one.counts()).toEqual([{ sink: 'hook', outcome: 'accepted', count: 2 }]);
      expect(await two.sentSince('hook', START)).toEqual([START + 1]);
      const kept = await one.change(incident().fingerprint, opened, () => [], START);
      await two.change(
        incident().fingerprint,
        (found) => found && { ...found, state: 'resolved', resolution: { at: START, reason: 'gone' } },
        () => [],
        START,
      );
      expect(await one.active()).toEqual([]);
      await one.prune(START + 1);
      expect(await two.incident(kept?.no ?? 0)).toBeNull();
      await one.close();
      await two.close();
    },
  },
  {
    name: 'pages of a filter, one after the other, have each incident that matches once, the newest first',
    run: async (open) => {
      const store = await open();
      for (let i = 0; i < 24; i += 1) {
        const one = incident({
          model: i % 2 === 0 ? 'fraud' : 'churn',
          kind: i % 3 === 0 ? 'dataDrift' : 'conceptDrift',
          fingerprint: `${i}`,
        });
        await store.change(`${i}`, (found) => found ?? { ...opened(null), ...one }, to, START);
        if (i % 4 === 0)
          await store.change(
            `${i}`,
            (found) => found && { ...found, state: 'resolved', resolution: { at: START + 1, reason: 'gone' } },
            to,
            START,
          );
      }
      const all = await store.newest(100);
      expect(await store.openCount()).toBe(18);
      const filters = [undefined, 'fraud', 'none'].flatMap((model) =>
        ([undefined, 'dataDrift'] as const).flatMap((kind) =>
          [undefined, true, false].map((isOpen) => ({ model, kind, isOpen })),
        ),
      );
      for (const filter of filters) {
        const found: KeptIncident[] = [];
        for (let page = await store.newest(5, filter); page.length > 0; ) {
          found.push(...page);
          page = await store.newest(5, { ...filter, before: page.at(-1)?.no });
        }
        const { model, kind, isOpen } = filter;
        const matching = all.filter(
          (one) =>
            (model === undefined || one.model === model) &&
            (kind === undefined || one.kind === kind) &&
            (isOpen === undefined || (one.state !== 'resolved') === isOpen),
        );
        expect(found, JSON.stringify(filter)).toEqual(matching);
      }
      expect(await store.unsettled(3)).toHaveLength(3);
      await store.close();
    },
  },
];
