// Uniform reads and events over a store of many users, to see that memory keeps its budget and that kills change no answer. Fills a store,
// then kills processes that soak it at random points, then soaks it for some minutes: reads users at random and brings events, half of
// users that nobody saw before. Prints one JSON object: what opening read, the resident set of each minute, its parts, and wrong answers.
// Ends with 1 if an answer was wrong or its own memory, without pages of files, grew beyond 1.2 times the option.
// Run: node --conditions=headrace-source scripts/soak-memory.ts <users> <minutes> <megabytes of memory> [kills], such as 10000000 60 4000 20.

import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
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
/** Reads for each batch of events. */
const READS = 2_000;
const MINUTE_MS = 60_000;
/** A process works this long at most after its last line, so that kills meet every place of a round. */
const MOST_WAIT_MS = 2_000;
/** Times that a batch is sent before the soak fails. */
const MOST_SENT = 5;

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  // The ids of a round that was cut off are remembered until it is sent again.
  lateness: '10m',
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
const kills = Number(process.argv[5] ?? 0);
/** The events of each user, after the one that the store was filled with. It takes two bytes a user, so that the soak measures the store. */
class Seen {
  #events = new Uint16Array(users * 2);

  add(user: number): void {
    if (user >= this.#events.length) {
      const before = this.#events;
      this.#events = new Uint16Array(Math.ceil(Math.max(user + 1, before.length * 1.25)));
      this.#events.set(before);
    }
    this.#events[user] += 1;
  }

  eventsOf(user: number): number {
    return this.#events[user] + (user < users ? 1 : 0);
  }
}

const [mode, filled = '', round = '0'] = process.argv.slice(6);
if (mode === 'fill') await fill(filled);
else if (mode === 'soak') process.exitCode = await soak(filled, Number(round));
else {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-soak-memory-'));
  try {
    execFileSync(process.execPath, ownArguments('fill', directory), { stdio: 'inherit' });
    process.exitCode = await soak(directory, await killOften(directory));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function ownArguments(...of: readonly string[]): readonly string[] {
  return [...process.execArgv, process.argv[1], String(users), String(minutes), String(memory / 1e6), '0', ...of];
}

/** Kills a process that soaks the store at random points, time and again. Returns the rounds that were acknowledged. */
async function killOften(directory: string): Promise<number> {
  const random = seededRandom(3);
  let last: Round = { rounds: 0, wrong: 0, own: 0 };
  for (let kill = 1; kill <= kills; kill += 1) {
    const program = ownArguments('soak', directory, String(last.rounds));
    const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit'] });
    const printed = await killAfter(child, 1 + random() * 6, random() * MOST_WAIT_MS);
    last = JSON.parse(printed.slice(0, printed.lastIndexOf('\n')).split('\n').at(-1) ?? '') as Round;
    console.error(`kill ${kill}: ${JSON.stringify(last)}`);
    if (last.wrong > 0 || last.own * 1e6 > 1.2 * memory)
      throw new Error('an answer was wrong, or memory grew too large');
  }
  return last.rounds;
}

function open(directory: string) {
  return openHeadrace({ project, environment: { directory, memory, sampleRate: 0, log: { bytes: 500_000_000 } } });
}

type Running = Awaited<ReturnType<typeof open>>;

/** Kills a process that has printed some lines, and then worked for a while; returns all that it printed. */
async function killAfter(
  child: ChildProcessByStdio<null, Readable, null>,
  lines: number,
  waitMs: number,
): Promise<string> {
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const before = printed.split('\n').length;
    printed += text;
    if (before <= lines && printed.split('\n').length > lines) setTimeout(() => child.kill('SIGKILL'), waitMs);
  });
  const [, signal] = await once(child, 'close');
  if (signal !== 'SIGKILL') throw new Error(`it ended by itself: ${printed}`);
  return printed;
}

/** A line of a process that soaks: the rounds whose events were acknowledged, its wrong answers, and megabytes of its own. */
interface Round {
  readonly rounds: number;
  readonly wrong: number;
  readonly own: number;
}

/** The users that the events of a round are of: new ones, and in turn some of those before. */
function usersOf(of: number): readonly number[] {
  const random = seededRandom(of + 1);
  const fresh = users + (of * BATCH) / 2;
  return Array.from({ length: BATCH }, (_, i) => (i % 2 === 0 ? fresh + i / 2 : Math.floor(random() * fresh)));
}

/**
 * Brings an event of each user. A call waits while the history's queue is full; where that takes longer than the lateness of the source,
 * all its events are late. They are in no view, so they are sent again with a later time, as a client would. Events that a process took
 * before it was killed are duplicates.
 */
async function bring(headrace: Running, name: string, of: readonly number[]): Promise<void> {
  for (let sent = 1; sent <= MOST_SENT; sent += 1) {
    const at = Date.now();
    const events = of.map((user, i) => ({ id: `${name}${i}`, at, user: `user-${user}`, ms: user % 1_000 }));
    const { accepted, duplicate, late } = await headrace.ingest(clicks, events);
    if (accepted + duplicate === events.length) return;
    if (late !== events.length) throw new Error(`${accepted} of ${events.length} events were accepted`);
    console.error(`events waited ${Date.now() - at} ms and were late`);
  }
  throw new Error(`events were late ${MOST_SENT} times`);
}

async function fill(directory: string): Promise<void> {
  const headrace = await open(directory);
  for (let from = 0; from < users; from += BATCH) {
    const of = Array.from({ length: Math.min(BATCH, users - from) }, (_, i) => from + i);
    await bring(headrace, `f${from / BATCH}e`, of);
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

async function soak(directory: string, done: number): Promise<number> {
  const began = performance.now();
  const headrace = await open(directory);
  const openedSeconds = (performance.now() - began) / 1_000;
  const { store } = headrace.status();
  const random = seededRandom(7);
  const samples: object[] = [];
  const seen = new Seen();
  const count = (of: readonly number[]) => {
    for (const user of of) seen.add(user);
  };
  for (let of = 0; of < done; of += 1) count(usersOf(of));
  let [wrong, reads, rounds, peakOwn, next] = [0, 0, done, 0, 0];
  const started = performance.now();
  while (performance.now() - started < minutes * MINUTE_MS) {
    const brought = usersOf(rounds);
    await bring(headrace, `r${rounds}e`, brought);
    count(brought);
    rounds += 1;
    for (let i = 0; i < READS; i += 1) {
      const user = Math.floor(random() * (users + (rounds * BATCH) / 2));
      const { features } = await headrace.vector(service, { user: `user-${user}` });
      const events = seen.eventsOf(user);
      if (features.u_n_7d !== events || features.u_ms_7d !== events * (user % 1_000)) wrong += 1;
      // Others have their turns, as between requests.
      if (i % 50 === 0) await setImmediate();
    }
    reads += READS;
    await headrace.tick();
    const now = resident();
    peakOwn = Math.max(peakOwn, now.own);
    if (mode === 'soak') console.log(JSON.stringify({ rounds, wrong, own: peakOwn } satisfies Round));
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
      kills,
      rounds,
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
