import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { Rollout, RolloutEvent, RolloutEventKind, RolloutStore } from '../../ports/rollout-store.ts';
import { type Contract, mustEqual, mustFail } from './contract.ts';

/** The subject: one store, empty at first, that may be opened many times. */
export interface RolloutStoreSubject {
  open(): MaybePromise<RolloutStore>;
}

/** A rollout as it starts. */
export function newRollout(id: string, changes: Partial<Rollout> = {}): Rollout {
  return {
    id,
    model: 'm',
    revision: 1,
    champion: 1,
    candidate: 2,
    plan: {
      key: null,
      shadowMs: 0,
      steps: [1, 5, 20, 50],
      everyMs: 1_000,
      requests: 100,
      alpha: 0.05,
      guardrails: {
        errors: true,
        timeouts: true,
        nonFinite: true,
        range: [0, 1],
        p99: 'baseline',
        scoreShift: 0.25,
        scoreDistance: 0.2,
      },
      success: { metric: 'log_loss', margin: null, coverage: 0.5, labels: 200 },
      soakMs: 60_000,
      confirm: null,
      events: null,
    },
    salt: id,
    state: 'canary',
    held: null,
    step: 0,
    since: 1_000,
    slowMs: null,
    startedAt: 1_000,
    endedAt: null,
    reason: 'o’clock — 🙂',
    ...changes,
  };
}

/** The event of a rollout's newest revision. */
export function rolloutEvent({ id, revision, state }: Rollout, kind: RolloutEventKind = 'started'): RolloutEvent {
  return {
    rollout: id,
    revision,
    kind,
    at: 1_000,
    by: 'ann',
    reason: '',
    state,
    percent: 1,
    numbers: { e: 0.1 + 0.2 },
  };
}

function after(rollout: Rollout, changes: Partial<Rollout> = {}): Rollout {
  return { ...rollout, revision: rollout.revision + 1, ...changes };
}

/** The rules of `ports/rollout-store.ts`. */
export const rolloutStoreContracts: readonly Contract<RolloutStoreSubject>[] = [
  {
    rule: 1,
    name: 'a model has one rollout under way, and another once it is over',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      mustEqual(await store.newest('m'), null, 'the newest of none');
      const first = newRollout('r-1');
      await store.start(first, rolloutEvent(first));
      const second = newRollout('r-2');
      await mustFail('ROLLOUT_ACTIVE', () => store.start(second, rolloutEvent(second)), 'a second one');
      const other = newRollout('r-3', { model: 'n' });
      await store.start(other, rolloutEvent(other));
      const ended = after(first, { state: 'rolledBack', endedAt: 2_000 });
      await store.change(ended, rolloutEvent(ended, 'rolledBack'));
      await store.start(second, rolloutEvent(second));
      mustEqual(await store.newest('m'), second, 'the newest');
      mustEqual(await store.list('m'), [second, ended], 'all of them, the newest first');
      mustEqual(await store.newest('n'), other, 'that of another model');
      await store.close();
    },
  },
  {
    rule: 6,
    name: 'the rollouts under way are those that are not over, of all models',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      mustEqual(await store.underWay(), [], 'those of none');
      const first = newRollout('r-1');
      const other = newRollout('r-2', { model: 'n' });
      for (const one of [first, other]) await store.start(one, rolloutEvent(one));
      const ended = after(first, { state: 'completed', endedAt: 2_000 });
      const reader = await subject.open();
      mustEqual(await reader.underWay(), [first, other], 'those of two models, as another one sees them');
      await store.change(ended, rolloutEvent(ended, 'completed'));
      mustEqual(await reader.underWay(), [other], 'what is left of them');
      await reader.close();
      await store.close();
    },
  },
  {
    rule: 1,
    name: 'of any number of writers that start one at once, one does',
    needs: [],
    run: async (subject) => {
      const stores = [await subject.open(), await subject.open(), await subject.open()];
      const started = await Promise.allSettled(
        stores.map(async (store, i) => {
          const rollout = newRollout(`r-${i}`);
          await store.start(rollout, rolloutEvent(rollout));
        }),
      );
      mustEqual(started.filter(({ status }) => status === 'fulfilled').length, 1, 'how many started');
      mustEqual((await stores[0].list('m')).length, 1, 'how many there are');
      for (const store of stores) await store.close();
    },
  },
  {
    rule: 2,
    name: 'a change to another revision than the next one changes nothing, and leaves no event',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      const other = await subject.open();
      const first = newRollout('r-1');
      await store.start(first, rolloutEvent(first));
      const raised = after(first, { step: 1 });
      await store.change(raised, rolloutEvent(raised, 'raised'));
      const late = after(first, { state: 'rolledBack', endedAt: 5 });
      await mustFail('ROLLOUT_MOVED', () => other.change(late, rolloutEvent(late, 'rolledBack')), 'a late change');
      const early = after(after(raised));
      await mustFail('ROLLOUT_MOVED', () => other.change(early, rolloutEvent(early, 'held')), 'an early change');
      const unknown = newRollout('r-9', { revision: 2 });
      await mustFail('ROLLOUT_MOVED', () => other.change(unknown, rolloutEvent(unknown, 'held')), 'one of none');
      mustEqual(await other.newest('m'), raised, 'what is stored');
      mustEqual(
        (await other.events('r-1')).map(({ kind }) => kind),
        ['started', 'raised'],
        'events',
      );
      for (const one of [store, other]) await one.close();
    },
  },
  {
    rule: 3,
    name: 'events are kept in order with their numbers, and are given until they are confirmed',
    needs: [],
    run: async (subject) => {
      const store = await subject.open();
      let rollout = newRollout('r-1');
      const events = [rolloutEvent(rollout)];
      await store.start(rollout, events[0]);
      for (const kind of ['held', 'released', 'raised'] as const) {
        rollout = after(rollout);
        events.push(rolloutEvent(rollout, kind));
        await store.change(rollout, rolloutEvent(rollout, kind));
      }
      mustEqual(await store.events('r-1'), events, 'events');
      mustEqual(await store.undelivered('m'), events, 'undelivered');
      await store.delivered('r-1', 1);
      await store.delivered('r-1', 3);
      mustEqual(await store.undelivered('m'), [events[1], events[3]], 'undelivered after two');
      mustEqual(await store.events('r-1'), events, 'events are kept');
      mustEqual(await store.undelivered('n'), [], 'of another model');
      await store.close();
    },
  },
  {
    rule: 4,
    name: 'each server replaces its own evidence, and nobody else’s',
    needs: [],
    run: async (subject) => {
      const [one, two] = [await subject.open(), await subject.open()];
      const rollout = newRollout('r-1');
      await one.start(rollout, rolloutEvent(rollout));
      await one.observe('r-1', 'a', { n: 1 });
      await two.observe('r-1', 'b', { n: 10 });
      await one.observe('r-1', 'a', { n: 2 });
      mustEqual(await two.evidence('r-1'), [{ n: 2 }, { n: 10 }], 'evidence');
      mustEqual(await two.evidence('r-2'), [], 'of another rollout');
      for (const store of [one, two]) await store.close();
    },
  },
  {
    rule: 5,
    name: 'everything is there when it is opened again',
    needs: [],
    run: async (subject) => {
      const before = await subject.open();
      const rollout = newRollout('r-1');
      await before.start(rollout, rolloutEvent(rollout));
      await before.observe('r-1', 'a', { n: 1 });
      await before.close();
      const later = await subject.open();
      mustEqual(await later.newest('m'), rollout, 'the rollout');
      mustEqual(await later.evidence('r-1'), [{ n: 1 }], 'its evidence');
      mustEqual((await later.events('r-1')).length, 1, 'its events');
      await later.close();
    },
  },
];
