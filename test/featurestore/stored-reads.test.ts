import fc from 'fast-check';
import {
  count,
  defineProject,
  distinct,
  entity,
  eventSource,
  featureService,
  int,
  last,
  lookup,
  max,
  mean,
  openHeadrace,
  streamView,
  sum,
  text,
  time,
} from 'headrace';
import { expect, test } from 'vitest';
import { insideOf } from '../../src/running/inside.ts';
import { newRoot } from '../stores/new-root.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 10, 14, 27);
const USERS = 12;

const user = entity('user', { user: text() });
const buys = eventSource('buys', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), price: int() },
  lateness: '30m',
});
const of = { source: buys, entity: user, key: { user: 'user' }, freshness: '1s' } as const;
const spend = streamView('spend', {
  ...of,
  windows: ['10m', '1h', '1d'],
  features: (e) => ({ buys: count(), spent: sum(e.price), mean_price: mean(e.price) }),
});
const ever = streamView('ever', {
  ...of,
  windows: ['1h', 'ever'],
  features: (e) => ({ dearest: max(e.price), last_price: last(e.price) }),
});
/** Its windows are too large to store. */
const sets = streamView('sets', { ...of, windows: ['1h'], features: (e) => ({ prices: distinct(e.price) }) });
const small = featureService('small', {
  request: { user: text() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }), ever: lookup(ever, { user: r.user }) }),
});
const large = featureService('large', {
  request: { user: text() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }), sets: lookup(sets, { user: r.user }) }),
});
const project = defineProject('stored', { buys, small, large });

const anyEvent = fc.record({ user: fc.nat(USERS - 1), price: fc.nat(50), before: fc.nat(25) });
const anyCase = fc.record({
  rounds: fc.array(fc.record({ events: fc.array(anyEvent, { maxLength: 20 }), minutes: fc.nat(400) }), {
    minLength: 1,
    maxLength: 5,
  }),
  reads: fc.array(
    fc.record({
      user: fc.nat(USERS),
      later: fc.oneof(fc.integer({ min: -40, max: -1 }), fc.integer({ min: 0, max: 1_500 })),
      services: fc.constantFrom([small, large], [large, small]),
    }),
    { minLength: 10, maxLength: 30 },
  ),
});

test('a key that is not in memory is answered from its stored windows, or from few tiles, as from all of its tiles, at any instant', async () => {
  /** First reads of users: by the service, and of the past. None brings a key into memory. */
  const outside = { small: 0, large: 0, past: 0 };
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ rounds, reads }) => {
      let now = START;
      let id = 0;
      const open = (directory: string) =>
        openHeadrace({ project, environment: { directory, sampleRate: 0 }, clock: () => now });
      const directory = newRoot();
      const whole = await open(newRoot());
      for (const { events, minutes } of rounds) {
        const rows = events.map(({ user: u, price, before }) => {
          id += 1;
          return { id: `e${id}`, at: now - 1 - before * MINUTE, user: `u${u}`, price };
        });
        // Opened for each round: its keys are not in memory at first.
        const opened = await open(directory);
        for (const each of [opened, whole]) {
          await each.ingest(each.source('buys'), rows);
          await each.flush();
        }
        await opened.close();
        now += minutes * MINUTE;
      }
      const written = now;
      const opened = await open(directory);
      const seen = new Set<number>();
      for (const { user: u, later, services } of reads) {
        now = Math.max(written, written + later * MINUTE);
        const at = later < 0 ? written + later * MINUTE : undefined;
        for (const service of services) {
          const request = { user: `u${u}` };
          const keys = insideOf(opened).features.facts.memory().keys;
          expect(await opened.vector(service, request, at)).toEqual(await whole.vector(service, request, at));
          if (seen.has(u)) continue;
          seen.add(u);
          expect(insideOf(opened).features.facts.memory().keys).toBe(keys);
          outside[service === small ? 'small' : 'large'] += 1;
          if (later < 0) outside.past += 1;
        }
      }
      await opened.close();
      await whole.close();
    }),
    { numRuns: 3 },
  );
  for (const count of Object.values(outside)) expect(count).toBeGreaterThan(2);
});
