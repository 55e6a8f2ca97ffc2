import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { open } from 'lmdb';
import { zipf } from '../examples/personalisation/zipf.ts';
import { openOnlineStore } from '../src/backends/embedded/online/online-store.ts';
import { seededRandom } from '../src/base/rng.ts';
import { tileLayout } from '../src/features/tile/tile-layout.ts';
import { insideOf } from '../src/running/inside.ts';
import { printFigure } from './figure.ts';
import { printBytes } from './large-store-bytes.ts';
import { printHttp } from './large-store-http.ts';
import { median } from './measure.ts';
import { purchases, scratchDirectory, shop, shopper } from './shop.ts';
import { fillLargeShop, LARGE_USERS, largeMemory, MANY_USERS, openLargeShop, runningShop } from './shop-server.ts';

/**
 * A store of many users, each with three purchases, of which memory holds a tenth: its opening after a kill −9 next to that of a small one;
 * vectors of users drawn evenly, next to those of few users and to a bare LMDB get of the same bytes; of an instant in the past; events of
 * users drawn evenly, next to those of a small store; memory under such reads and new users; requests over HTTP; bytes on the disk.
 * Times are processor time, so other load changes them less. `npm run bench large-store -- --users 10000000` takes as many users.
 */
const FEW_USERS = 10_000;
const OPENINGS = 3;
const ROUNDS = 4;
const READS = 10_000;
const HOT_USERS = 1_000;
/** Users who buy all day. */
const DENSE_USERS = 2_000;
/** New users of a round, and their events in one call. */
const NEW_USERS = 10_000;
const BATCH = 1_000;
const LEAST_MEMORY = 300e6;
const RECENT = LARGE_USERS > MANY_USERS ? 'an event of each fiftieth' : 'three events of each';
const PAST_MS = 20 * 60_000;
/** Events of a round, which one commit writes. */
const EVENTS = 10_000;

const [mode, directory = '', count = ''] = process.argv.slice(2);
if (mode === 'fill') await fillAndDie(directory, Number(count));
else if (mode === 'open') await openAndDie(directory, Number(count));
else await measure();

/** Fills a shop, brings events that are in no commit, and dies. */
async function fillAndDie(path: string, users: number): Promise<void> {
  const { headrace, now } = await fillLargeShop(shop, path, users);
  const events = Array.from({ length: BATCH }, (_, i) => ({
    id: `last${i}`,
    at: now,
    user: `u${i}`,
    price: 1,
    items: 1,
  }));
  await headrace.ingest(purchases, events);
  process.kill(process.pid, 'SIGKILL');
}

/** Opens a shop whose process has died, prints the processor and other milliseconds that it took, and dies. */
async function openAndDie(path: string, users: number): Promise<void> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  await openLargeShop(shop, path, users);
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${JSON.stringify([performance.now() - started, (user + system) / 1_000])}\n`);
  await setImmediate();
  process.kill(process.pid, 'SIGKILL');
}

/** Runs this program in another mode; gives its output when it has killed itself. */
function child(...args: readonly string[]): string {
  const program = [...process.execArgv, fileURLToPath(import.meta.url)];
  const { signal, stdout, stderr } = spawnSync(process.execPath, [...program, ...args], { encoding: 'utf8' });
  if (signal !== 'SIGKILL') throw new Error(`${args[0]} ended before its end: ${stderr}`);
  return stdout;
}

async function measure(): Promise<void> {
  const [large, small] = [scratchDirectory(), scratchDirectory()];
  child('fill', large, String(LARGE_USERS));
  child('fill', small, String(FEW_USERS));
  printOpening(large, small);
  await printEvents(large, small);
  const reads = await readAll(large);
  const bare = await bareMicros(windowBytes(large));
  const users = LARGE_USERS.toLocaleString('en');
  printFigure({
    name: `vector of any of ${users} users, most of them not in memory, in process, processor time`,
    unit: 'µs',
    value: reads.uniformMicros,
    yardstick: `bare LMDB get of ${windowBytes(large)} bytes, as many as its windows`,
    yardstickValue: bare,
    aim: { of: 'ratio', atMost: 3 },
  });
  const draws = [
    ['even chance', reads.uniformMicros, 0.5],
    ["Zipf's law", reads.zipfMicros, 0.8],
  ] as const;
  for (const [drawn, each, atLeast] of draws)
    printFigure({
      name: `vectors of ${users} users in a second of processor time, drawn by ${drawn}`,
      unit: 'vectors/s',
      value: 1e6 / each,
      yardstick: `the same of ${HOT_USERS.toLocaleString('en')} users`,
      yardstickValue: 1e6 / reads.hotMicros,
      aim: { of: 'ratio', atLeast },
    });
  printFigure({
    name: `vector of 20 minutes ago of any of ${users} users, most of them not in memory, in process, processor time`,
    unit: 'µs',
    value: reads.pastMicros,
    yardstick: 'the same of the present',
    yardstickValue: reads.uniformMicros,
    aim: null,
  });
  // A process takes more than the least budgets without any key.
  if (largeMemory(LARGE_USERS) >= LEAST_MEMORY)
    printFigure({
      name: `memory of a process with ${users} users under even reads and ${(ROUNDS * NEW_USERS).toLocaleString('en')} new users`,
      unit: 'MB',
      value: reads.ownBytes / 1e6,
      yardstick: 'the option memory',
      yardstickValue: largeMemory(LARGE_USERS) / 1e6,
      aim: { of: 'ratio', atMost: 1.2 },
    });
  await printHttp(large, LARGE_USERS, HOT_USERS);
  await printBytes(large, LARGE_USERS, {
    name: `three purchases in two views of ${shopper.features.length} features`,
    atMost: 2,
  });
  await printDense();
}

/** The bytes of users who buy all day. */
async function printDense(): Promise<void> {
  const directory = scratchDirectory();
  const { headrace } = await runningShop(shop, DENSE_USERS, { directory });
  await headrace.close();
  await printBytes(directory, DENSE_USERS, { name: 'a purchase each quarter of an hour of a day', atMost: 1.3 });
}

function printOpening(large: string, small: string): void {
  const times = { large: [] as number[][], small: [] as number[][] };
  for (let round = 0; round < OPENINGS; round += 1) {
    times.large.push(JSON.parse(child('open', large, String(LARGE_USERS))));
    times.small.push(JSON.parse(child('open', small, String(FEW_USERS))));
  }
  for (const [at, what] of ['', ', processor time'].entries()) {
    const of = (runs: readonly number[][]) => median(runs.map((run) => run[at]));
    printFigure({
      name: `opening with ${LARGE_USERS.toLocaleString('en')} users after a kill −9, ${RECENT} in the last hour${what}`,
      unit: 'ms',
      value: of(times.large),
      yardstick: `the same with ${FEW_USERS.toLocaleString('en')}`,
      yardstickValue: of(times.small),
      aim: at === 0 ? { of: 'value', atMost: 2_000 } : null,
    });
  }
}

/** Brings events of users drawn evenly from a large store and a small one. */
async function printEvents(large: string, small: string): Promise<void> {
  const [many, few] = [await eventMicros(large, LARGE_USERS), await eventMicros(small, FEW_USERS)];
  const events = `events of users drawn evenly from ${LARGE_USERS.toLocaleString('en')} in a second of processor time`;
  for (const [at, what, aim] of [
    [0, 'taken', null],
    [1, 'taken and committed', { of: 'ratio', atLeast: 0.4 }],
  ] as const)
    printFigure({
      name: `${events}, ${what}`,
      unit: 'events/s',
      value: 1e6 / many[at],
      yardstick: `the same from ${FEW_USERS.toLocaleString('en')}`,
      yardstickValue: 1e6 / few[at],
      aim,
    });
}

/** The least processor time of an event that is taken, and of one that is taken and committed. */
async function eventMicros(path: string, users: number): Promise<readonly [number, number]> {
  const { headrace, now } = await openLargeShop(shop, path, users);
  const random = seededRandom(13);
  const times: [number, number][] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = processorMicros();
    for (let from = 0; from < EVENTS; from += BATCH) {
      const events = Array.from({ length: BATCH }, (_, i) => {
        const id = `c${round * EVENTS + from + i}`;
        return { id, at: now, user: `u${Math.floor(random() * users)}`, price: i, items: 1 };
      });
      await headrace.ingest(purchases, events);
    }
    const taken = processorMicros() - before;
    await headrace.flush();
    times.push([taken / EVENTS, (processorMicros() - before) / EVENTS]);
  }
  await headrace.close();
  return [Math.min(...times.map(([taken]) => taken)), Math.min(...times.map(([, whole]) => whole))];
}

/** Processor time of this process, µs. */
function processorMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Reads users drawn evenly and few users in turns, with new users in between. */
async function readAll(path: string) {
  const { headrace, now } = await openLargeShop(shop, path, LARGE_USERS);
  const random = seededRandom(11);
  const read =
    (draw: () => number, at = now) =>
    () => {
      for (let i = 0; i < READS; i += 1)
        insideOf(headrace).features.read(shopper, { user: `u${draw()}`, at: now, basket: i }, at);
    };
  const readUniform = read(() => Math.floor(random() * LARGE_USERS));
  const readPast = read(() => Math.floor(random() * LARGE_USERS), now - PAST_MS);
  const readZipf = read(zipf(LARGE_USERS, random));
  const readHot = read(() => Math.floor(random() * HOT_USERS));
  const [uniform, past, skewed, hot]: [number[], number[], number[], number[]] = [[], [], [], []];
  let ownBytes = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    uniform.push(micros(readUniform));
    past.push(micros(readPast));
    readZipf();
    skewed.push(micros(readZipf));
    readHot();
    hot.push(micros(readHot));
    for (let i = 0; i < NEW_USERS; i += BATCH)
      await headrace.ingest(
        purchases,
        Array.from({ length: BATCH }, (_, k) => {
          const id = `n${round * NEW_USERS + i + k}`;
          return { id, at: now, user: id, price: k, items: 1 };
        }),
      );
    await headrace.tick();
    ownBytes = Math.max(ownBytes, ownMemory());
  }
  await headrace.close();
  const [uniformMicros, pastMicros, zipfMicros, hotMicros] = [uniform, past, skewed, hot].map((times) =>
    Math.min(...times),
  );
  return { uniformMicros, pastMicros, zipfMicros, hotMicros, ownBytes };
}

/** Processor time of each of the reads. */
function micros(work: () => void): number {
  const before = processorMicros();
  work();
  return (processorMicros() - before) / READS;
}

/** Bytes of the windows of a user, the mean of some. */
function windowBytes(path: string): number {
  const store = openOnlineStore({ path: join(path, 'online'), access: 'read' });
  let bytes = 0;
  const some = 100;
  for (let i = 0; i < some; i += 1)
    for (const view of shop.views) {
      if (view.kind !== 'streamView') continue;
      const windows = store.readWindows?.(tileLayout(view), `u${i * Math.floor(LARGE_USERS / some)}`) ?? null;
      if (windows === null) throw new Error(`no windows of ${view.name} are stored`);
      bytes += windows.length;
    }
  void store.close();
  return Math.round(bytes / some);
}

/** Processor time of a bare LMDB get of as many users, drawn evenly. */
async function bareMicros(bytes: number): Promise<number> {
  const bare = open<Buffer, string>({ path: join(scratchDirectory(), 'bare.mdb'), encoding: 'binary', noSubdir: true });
  const value = Buffer.alloc(bytes, 7);
  for (let from = 0; from < LARGE_USERS; from += FEW_USERS)
    bare.transactionSync(() => {
      for (let i = from; i < Math.min(from + FEW_USERS, LARGE_USERS); i += 1) bare.putSync(`u${i}`, value);
    });
  const random = seededRandom(11);
  const times = Array.from({ length: ROUNDS }, () =>
    micros(() => {
      for (let i = 0; i < READS; i += 1)
        if (bare.getBinaryFast(`u${Math.floor(random() * LARGE_USERS)}`)?.length !== bytes) throw new Error('no value');
    }),
  );
  await bare.close();
  return Math.min(...times);
}

/** Memory of this process without pages of files. */
function ownMemory(): number {
  if (process.platform !== 'linux') return process.memoryUsage.rss();
  const kilobytes = /^RssAnon:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1_024;
}
