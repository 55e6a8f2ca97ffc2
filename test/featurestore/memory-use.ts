// Reads many keys of one kind of view, and prints how much memory they are said to take and do take, in bytes, as JSON.
// Run: node --expose-gc memory-use.ts <kind> <keys>
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const NOON = Date.UTC(2026, 0, 1, 12);
const MINUTE_MS = 60_000;
const EVENTS_AT_ONCE = 5_000;

/** Kinds of views, and how many events a key has, a minute apart. */
const kinds = { sparse: 1, dense: 40, texts: 6, sketches: 2 } as const;
type Kind = keyof typeof kinds;

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '2h',
  columns: { id: text(), at: time(), user: text(), ms: int(), page: text() },
});

function projectOf(kind: Kind) {
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

const kind = process.argv[2] as Kind;
const keys = Number(process.argv[3]);
const written = process.argv[4];
const { service, project } = projectOf(kind);
let now = NOON;
if (written !== undefined) await write(written);
else {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-memory-use-'));
  try {
    // Nothing of the process that writes is in the memory that is measured.
    execFileSync(process.execPath, [...process.execArgv, ...process.argv.slice(1), directory], { stdio: 'inherit' });
    await read(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function open(directory: string) {
  const environment = { directory, memory: '1GiB', partitions: 1, sampleRate: 0 };
  return openHeadrace({ project, environment, clock: () => now });
}

function used(): number {
  for (let i = 0; i < 3; i += 1) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function write(directory: string): Promise<void> {
  const headrace = await open(directory);
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

async function read(directory: string): Promise<void> {
  now += kinds[kind] * MINUTE_MS;
  const headrace = await open(directory);
  const readKey = (user: number) => headrace.vectorText(service, { user: `user-${user}` });
  // The first tenth compiles the readers.
  const first = Math.floor(keys / 10);
  for (let i = 0; i < first; i += 1) await readKey(i);
  const tilesOf = () => headrace.status().memory.parts['tiles'] ?? 0;
  const [before, saidBefore] = [used(), tilesOf()];
  for (let pass = 0; pass < 2; pass += 1) for (let i = first; i < keys; i += 1) await readKey(i);
  const [after, saidAfter] = [used(), tilesOf()];
  const figures = { kind, keys: keys - first, said: saidAfter - saidBefore, real: after - before };
  await headrace.close();
  console.log(JSON.stringify(figures));
}
