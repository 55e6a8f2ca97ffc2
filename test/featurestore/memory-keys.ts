// Keys of one kind of view, written by one process and read by another.
import {
  approxDistinct,
  count,
  defineProject,
  distinct,
  entity,
  eventSource,
  featureService,
  int,
  last,
  lastN,
  lookup,
  max,
  mean,
  streamView,
  sum,
  text,
  time,
  topK,
} from '../../src/features/define/declare.ts';
import { openHeadrace } from '../../src/running/headrace.ts';

export const NOON = Date.UTC(2026, 0, 1, 12);
export const MINUTE_MS = 60_000;
const EVENTS_AT_ONCE = 5_000;

/** Kinds of views, and how many events a key has, a minute apart. */
export const kinds = { sparse: 1, dense: 40, texts: 6, sketches: 2 } as const;
export type Kind = keyof typeof kinds;

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '2h',
  columns: { id: text(), at: time(), user: text(), ms: int(), page: text() },
});

export function projectOf(kind: Kind) {
  const byUser = streamView('by_user', {
    source: clicks,
    entity: entity('user', { user: text() }),
    key: { user: 'user' },
    windows: ['1h', '1d'],
    freshness: '1s',
    features: ({ ms, page }) => {
      if (kind === 'texts')
        return { page: last(page), pages: lastN(page, 3), top: topK(page, 3), kinds: distinct(page) };
      if (kind === 'sketches') return { pages: approxDistinct(page) };
      return { n: count(), sum: sum(ms), most: max(ms), mean: mean(ms) };
    },
  });
  const service = featureService('visitor', {
    request: { user: text() },
    join: (r) => ({ u: lookup(byUser, { user: r.user }) }),
  });
  return { service, project: defineProject('site', { service }) };
}

/** A project of a kind over a directory. */
export function openKeys(kind: Kind, directory: string, clock: () => number) {
  const environment = { directory, memory: '1GiB', partitions: 1, sampleRate: 0 };
  return openHeadrace({ project: projectOf(kind).project, environment, clock });
}

/** Writes the events of many keys. */
export async function writeKeys(kind: Kind, directory: string, keys: number): Promise<void> {
  let now = NOON;
  const headrace = await openKeys(kind, directory, () => now);
  for (let n = 0; n < kinds[kind]; n += 1) {
    now += MINUTE_MS;
    for (let from = 0; from < keys; from += EVENTS_AT_ONCE) {
      const events = Array.from({ length: Math.min(EVENTS_AT_ONCE, keys - from) }, (_, i) => ({
        id: `e${from + i}-${n}`,
        at: now - 1,
        user: `user-${from + i}`,
        ms: i % 1_000,
        page: `/page/${(from + i) % 977}/${n}`,
      }));
      await headrace.ingest(clicks, events);
    }
  }
  await headrace.close();
}
