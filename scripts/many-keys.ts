// Distinct keys without end: every event is of its own key, as when a bot makes an account for each request. Nothing
// that is kept in memory may grow with them, and every one is answered. Prints one JSON object: events a second, the
// resident set after a third and at its peak, bytes on the disk, and what a sample of the keys is answered.
// Run: node --conditions=headrace-source scripts/many-keys.ts 10000000.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  streamView,
  sum,
  text,
  time,
} from '../src/features/define/declare.ts';
import { openHeadrace } from '../src/running/headrace.ts';

const BATCH = 1_000;
const SAMPLES = 10_000;
/** What the resident set may grow by from the first third on. */
const MOST_GROWTH = 1.5;

const keys = Number(process.argv[2] ?? 1_000_000);
const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '1m',
  futureSkew: '1m',
  columns: { id: text(), at: time(), user: text(), ms: int() },
});
const byUser = streamView('by_user', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: ({ ms }) => ({ n: count(), ms: sum(ms) }),
});
const service = featureService('visitor', {
  request: { user: text() },
  join: (r) => ({ u: lookup(byUser, { user: r.user }) }),
});

const directory = mkdtempSync(join(tmpdir(), 'headrace-many-keys-'));
try {
  process.exitCode = await main();
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function main(): Promise<number> {
  const headrace = await openHeadrace({
    project: defineProject('site', { service }),
    environment: { directory, memory: '512MiB', log: { bytes: 500_000_000 } },
  });
  const started = performance.now();
  let peak = 0;
  let early = 0;
  for (let from = 0; from < keys; from += BATCH) {
    const at = Date.now();
    const events = Array.from({ length: Math.min(BATCH, keys - from) }, (_, i) => ({
      id: `e${from + i}`,
      at,
      user: `user-${from + i}`,
      ms: (from + i) % 1_000,
    }));
    const { accepted } = await headrace.ingest(clicks, events);
    if (accepted !== events.length) throw new Error(`${accepted} of ${events.length} events were accepted`);
    if ((from / BATCH) % 10 === 0) await headrace.tick();
    const { rss, heapUsed } = process.memoryUsage();
    if ((from / BATCH) % 100 === 99)
      console.error(
        `${from + BATCH} keys, ${Math.round((performance.now() - started) / 1_000)} s, RSS ${Math.round(rss / 1e6)} MB, heap ${Math.round(heapUsed / 1e6)} MB`,
      );
    peak = Math.max(peak, rss);
    if (from < keys / 3) early = peak;
  }
  const seconds = (performance.now() - started) / 1_000;
  await headrace.flush();
  let wrong = 0;
  for (let i = 0; i < Math.min(SAMPLES, keys); i += 1) {
    const key = Math.floor((i * keys) / Math.min(SAMPLES, keys));
    const { features } = await headrace.vector(service, { user: `user-${key}` });
    if (features.u_n_1d !== 1 || features.u_ms_1d !== key % 1_000) wrong += 1;
  }
  const { keptBytes } = headrace.status().disk;
  await headrace.close();
  const figures = {
    keys,
    seconds: Math.round(seconds),
    eventsPerSecond: Math.round(keys / seconds),
    rssEarlyMb: Math.round(early / 1e6),
    rssPeakMb: Math.round(peak / 1e6),
    diskMb: Math.round(keptBytes / 1e6),
    wrong,
  };
  console.log(JSON.stringify(figures));
  return wrong > 0 || peak > MOST_GROWTH * early ? 1 : 0;
}
