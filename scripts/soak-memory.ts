// Uniform reads and new keys over a store of many users, to see that memory keeps its budget. Fills a store, opens it again, then reads
// users at random and brings events of users that nobody saw before, for some minutes. Prints one JSON object: what opening read, the
// resident set of each minute, its parts, and wrong answers. Ends with 1 if an answer was wrong or its own memory, without pages of files,
// grew beyond 1.2 times the option.
// Run: node --conditions=headrace-source scripts/soak-memory.ts <users> <minutes> <megabytes of memory>, such as 10000000 60 4000.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { seededRandom } from '../src/base/rng.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  max,
  streamView,
  sum,
  text,
  time,
} from '../src/features/define/declare.ts';
import { openHeadrace } from '../src/running/headrace.ts';

const BATCH = 1_000;
/** Reads for each batch of new users. */
const READS = 2_000;
const MINUTE_MS = 60_000;
/** Times that a batch is sent before the soak fails. */
const MOST_SENT = 5;

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
  windows: ['1h', '7d'],
  freshness: '1s',
  features: ({ ms }) => ({ n: count(), ms: sum(ms), most: max(ms) }),
});
const service = featureService('visitor', {
  request: { user: text() },
  join: (r) => ({ u: lookup(byUser, { user: r.user }) }),
});
const project = defineProject('site', { service });

const [users, minutes] = [Number(process.argv[2] ?? 1_000_000), Number(process.argv[3] ?? 3)];
const memory = Number(process.argv[4] ?? 1_000) * 1e6;
const filled = process.argv[5];
if (filled !== undefined) await fill(filled);
else {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-soak-memory-'));
  try {
    execFileSync(
      process.execPath,
      [...process.execArgv, process.argv[1], String(users), '0', String(memory / 1e6), directory],
      {
        stdio: 'inherit',
      },
    );
    process.exitCode = await soak(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function open(directory: string) {
  return openHeadrace({ project, environment: { directory, memory, sampleRate: 0, log: { bytes: 500_000_000 } } });
}

type Running = Awaited<ReturnType<typeof open>>;

/**
 * Brings new users. A call waits while the history's queue is full; where that takes longer than the lateness of the source, all its
 * events are late. They are in no view, so they are sent again with a later time, as a client would.
 */
async function bring(headrace: Running, from: number, most: number): Promise<void> {
  for (let sent = 1; sent <= MOST_SENT; sent += 1) {
    const at = Date.now();
    const events = Array.from({ length: most }, (_, i) => ({
      id: `e${from + i}`,
      at,
      user: `user-${from + i}`,
      ms: (from + i) % 1_000,
    }));
    const { accepted, late } = await headrace.ingest(clicks, events);
    if (accepted === events.length) return;
    if (late !== events.length) throw new Error(`${accepted} of ${events.length} events were accepted`);
    console.error(`events waited ${Date.now() - at} ms and were late`);
  }
  throw new Error(`events were late ${MOST_SENT} times`);
}

async function fill(directory: string): Promise<void> {
  const headrace = await open(directory);
  for (let from = 0; from < users; from += BATCH) {
    await bring(headrace, from, Math.min(BATCH, users - from));
    if ((from / BATCH) % 10 === 0) await headrace.tick();
    if ((from / BATCH) % 200 === 0) console.error(`${from} users, ${JSON.stringify(resident())}`);
  }
  await headrace.close();
}

/** Megabytes of the process: all, its own, and pages of files. */
function resident(): { readonly rss: number; readonly own: number; readonly files: number } {
  const status = readFileSync('/proc/self/status', 'utf8');
  const of = (name: string) =>
    Math.round((Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1]) * 1_024) / 1e6);
  return { rss: of('VmRSS'), own: of('RssAnon'), files: of('RssFile') };
}

/** Megabytes of the heap: taken from the system, in use with garbage, and buffers outside it. */
function heap(): { readonly heap: number; readonly used: number; readonly buffers: number } {
  const { heapTotal, heapUsed, external } = process.memoryUsage();
  const [total, used, buffers] = [heapTotal, heapUsed, external].map((bytes) => Math.round(bytes / 1e6));
  return { heap: total, used, buffers };
}

async function soak(directory: string): Promise<number> {
  const began = performance.now();
  const headrace = await open(directory);
  const openedSeconds = (performance.now() - began) / 1_000;
  const { store } = headrace.status();
  const random = seededRandom(7);
  const samples: object[] = [];
  let [wrong, reads, brought, peakOwn, next] = [0, 0, 0, 0, 0];
  const started = performance.now();
  while (performance.now() - started < minutes * MINUTE_MS) {
    for (let i = 0; i < READS; i += 1) {
      const user = Math.floor(random() * (users + brought));
      const { features } = await headrace.vector(service, { user: `user-${user}` });
      if (features.u_n_7d !== 1 || features.u_ms_7d !== user % 1_000) wrong += 1;
      // Others have their turns, as between requests.
      if (i % 50 === 0) await setImmediate();
    }
    reads += READS;
    await bring(headrace, users + brought, BATCH);
    brought += BATCH;
    await headrace.tick();
    const now = resident();
    peakOwn = Math.max(peakOwn, now.own);
    if (performance.now() - started < next) continue;
    next += MINUTE_MS / 4;
    samples.push({
      ...now,
      ...heap(),
      parts: headrace.status().memory.parts,
    });
    console.error(JSON.stringify(samples.at(-1)));
  }
  const { budgetBytes, evicted, keys } = headrace.status().memory;
  await headrace.close();
  console.log(
    JSON.stringify({
      users,
      opened: { seconds: openedSeconds, ...store },
      reads,
      brought,
      wrong,
      memoryMb: Math.round(memory / 1e6),
      keysMb: Math.round(budgetBytes / 1e6),
      peakOwnMb: peakOwn,
      keys,
      evicted,
      samples,
    }),
  );
  if (minutes === 0) return 0;
  if (reads === 0 || evicted === 0 || !(peakOwn > 0))
    throw new Error('nothing was measured: give it more users than the memory holds');
  return wrong > 0 || peakOwn * 1e6 > 1.2 * memory ? 1 : 0;
}
