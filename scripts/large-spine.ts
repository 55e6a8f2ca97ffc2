import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  last,
  lookup,
  max,
  openHeadrace,
  over,
  streamView,
  sum,
  text,
  time,
} from 'headrace';
import { insideOf } from '../src/running/inside.ts';

/**
 * A training set for a spine that is larger than memory should be: `node --conditions=headrace-source
 * scripts/large-spine.ts 10000000 2000000` writes a spine of this many rows over a history of this many events,
 * joins it in both modes and prints time and peak of the process's memory.
 */
const [rows = 10_000_000, events = 500_000] = process.argv.slice(2, 4).map(Number);
/** The join runs in its own process, whose memory is that of the join alone. */
const joining = process.argv[4];
const USERS = 100_000;
const SPAN_MS = 30 * 86_400_000;
const START = Date.UTC(2026, 0, 1);
const BATCH = 20_000;

const purchases = eventSource('purchases', {
  id: 'line',
  time: 'at',
  columns: { line: text(), at: time(), user: int(), price: int() },
});
const spend = streamView('spend', {
  source: purchases,
  entity: entity('user', { user: int() }),
  key: { user: 'user' },
  windows: ['1h', '7d'],
  freshness: '1s',
  features: (e) => ({
    n: count(),
    spent: sum(e.price),
    top: over(['7d'], max(e.price)),
    newest: over(['ever'], last(e.price)),
  }),
});
const shopper = featureService('shopper', {
  request: { user: int() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
});

const directory = joining ?? mkdtempSync(join(tmpdir(), 'large-spine-'));
let now = START + SPAN_MS;
const headrace = await openHeadrace({
  project: defineProject('shop', { shopper }),
  environment: { directory: join(directory, 'store') },
  clock: () => now,
});
if (joining === undefined) await fill();
else await train();

async function fill(): Promise<void> {
  for (let i = 0; i < events; i += BATCH) {
    now = START + Math.floor((i / events) * SPAN_MS);
    const batch = Array.from({ length: Math.min(BATCH, events - i) }, (_, b) => ({
      line: `l${i + b}`,
      at: now - ((b * 7919) % 3_000_000),
      user: ((i + b) * 48_271) % USERS,
      price: (b * 31) % 1_000,
    }));
    await headrace.ingest(purchases, batch);
  }
  await headrace.close();
  console.log(`history: ${events} events`);
  const args = [
    '--conditions=headrace-source',
    fileURLToPath(import.meta.url),
    String(rows),
    String(events),
    directory,
  ];
  execFileSync(process.execPath, args, { stdio: 'inherit' });
  rmSync(directory, { recursive: true });
}

async function train(): Promise<void> {
  const spine = join(directory, 'spine.parquet');
  await insideOf(headrace).stores.offline.exportParquet(
    `SELECT (i * 69621) % ${USERS} AS "user", ${START} + (i * 2654435761) % ${SPAN_MS} AS _at, i % 2 AS label FROM range(${rows}) AS r(i)`,
    spine,
  );
  for (const mode of ['corrected', 'as-known'] as const) {
    const started = performance.now();
    const out = join(directory, 'out.parquet');
    const written = await headrace.writeTrainingSet(shopper, out, { spine: { path: spine }, mode });
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    console.log(`${mode}: ${written.rows} rows in ${seconds} s, peak ${peakMb()} MB`);
  }
  await headrace.close();
}

/** Peak resident memory of the process so far. */
function peakMb(): number {
  return Math.round(process.resourceUsage().maxRSS / 1_024);
}
