import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Headrace, isHeadraceError, openHeadrace } from 'headrace';
import { type ReplayClock, replayClock } from '../flights/replay-clock.ts';
import { checkRun } from './checks.ts';
import project, { recommendation } from './declaration.ts';
import { emptyRedis } from './empty-redis.ts';
import { fillHistory } from './fill.ts';
import { shopTraffic } from './generator.ts';
import config from './headrace.config.ts';
import { type LiveTotals, sendLive } from './live.ts';
import type { LoadPlan } from './load.ts';
import { openLoop } from './open-loop.ts';
import { pastSession, writePast } from './past.ts';
import { fillProgress } from './progress.ts';
import { type PurchaseLog, type PurchaseLogOptions, parseColumnMap, purchaseLog } from './purchase-log.ts';
import { seededRandom } from './seeded-random.ts';
import { type ServerBudget, type ServerMemory, serverBudgets, serverMemory } from './server-budgets.ts';
import { askHeadrace, startServerProcess } from './server-process.ts';
import { type DemonstrationSummary, type Load, summarise, summaryText } from './summary.ts';
import type { Traffic } from './traffic.ts';

// A shop under load: a history, `headrace serve`, as many requests a second as it takes, events that flow meanwhile.
const { values } = parseArgs({
  options: {
    env: { type: 'string' },
    seconds: { type: 'string' },
    rate: { type: 'string' },
    users: { type: 'string' },
    csv: { type: 'string' },
    map: { type: 'string' },
    json: { type: 'boolean' },
  },
});
const SEED = 1;
/** As many are under way of 50,000 a second that are answered within 10 ms. */
const CONNECTIONS = 500;
const BODIES = 5_000;
/** At most. */
const PEAK_SECONDS = 5;
const BEYOND_ANY_PEAK = 500_000;
const HISTORY_EVENTS_A_USER = 10;
/** From here on the history is loaded from files, as one that a warehouse has, and has all users. */
const MANY_USERS = 100_000;
/** Drawn from many users. */
const MANY_BODIES = 200_000;
/** 1,667 events a second of 20,000 users. */
const SECONDS_BETWEEN_EVENTS_OF_A_USER = 12;
/** One writer takes no more for long next to as many requests. */
const MOST_EVENTS_A_SECOND = 2_000;
/** The load that latencies are judged under, as a share of the peak. */
const SHARE_OF_PEAK = 0.8;

const seconds = whole('seconds', values.seconds ?? '10');
const users = whole('users', values.users ?? '20000');
const askedRate = values.rate === undefined ? null : whole('rate', values.rate);
const env = values.env ?? 'local';
if (env !== 'local' && env !== 'redis') {
  console.error('--env takes local or redis');
  process.exit(2);
}
const environment = config.environments[env];
const { directory = '.headrace', sampleRate = 0 } = environment;
const configFile = fileURLToPath(new URL('headrace.config.ts', import.meta.url));
const isLoaded = values.csv === undefined && users > MANY_USERS;

// With the server that it has started.
process.once('SIGTERM', () => process.exit(143));
try {
  await mustBeUnused();
  rmSync(directory, { recursive: true, force: true });
  if (env === 'redis') await emptyRedis(config.environments.redis.online.url, project.name);
  const summary = await demonstrate();
  console.log(values.json === true ? JSON.stringify(summary) : summaryText(summary));
  if (summary.checks.some(({ passed }) => !passed)) process.exitCode = 1;
} catch (error) {
  if (!isHeadraceError(error)) throw error;
  console.error(`${error.code}: ${error.message}\n  ${error.hint}`);
  process.exitCode = error.exit;
}

/** Refuses to remove what a server has open: it would continue with files that are gone. */
async function mustBeUnused(): Promise<void> {
  if (!existsSync(directory)) return;
  try {
    await withProject({ now: Date.now }, async () => {});
  } catch (error) {
    // Everything else that is wrong with the old data ends with it.
    if (isHeadraceError(error) && error.code.endsWith('_LOCKED')) throw error;
  }
}

async function demonstrate(): Promise<DemonstrationSummary> {
  const started = performance.now();
  const past = isLoaded ? await loadPast(Date.now()) : 0;
  const until = Date.now();
  const { traffic, expected } = await openTraffic(until);
  const clock = replayClock(until);
  const history = await withProject(clock, async (headrace) => {
    const taken = fillProgress(expected, say, () => performance.now());
    const events = past + (await fillHistory(headrace, clock, traffic, Date.now, taken));
    return {
      events,
      seconds: (performance.now() - started) / 1_000,
      tilesMerged: await tilesMerged(headrace, traffic),
    };
  });
  say(`a history of ${history.events.toLocaleString('en')} events in ${history.seconds.toFixed(1)} s`);
  const from = Date.now();
  const { load, live, server, memory } = await runLoad(traffic);
  return withProject({ now: Date.now }, async (headrace) => {
    const skew = await headrace.auditSkew(recommendation, from, Date.now());
    const checks = await checkRun(headrace, { history: history.events, load, live, server, memory, skew, sampleRate });
    const took = (performance.now() - started) / 1_000;
    return summarise({ history, load, live, server, skew, checks, seconds: took });
  });
}

/** Loads a past of all users by `headrace ingest`. Returns the number of its events. */
async function loadPast(until: number): Promise<number> {
  const folder = `${directory}-past`;
  try {
    const { words, events } = await writePast({ users, items: itemsOf(users), until, folder });
    say(`loads ${events.toLocaleString('en')} events of ${users.toLocaleString('en')} users`);
    await askHeadrace(['ingest', ...words, '--bootstrap', '--config', configFile, '--env', env]);
    return events;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function itemsOf(users: number): number {
  return Math.ceil(users / 4);
}

/** The traffic, and about how many events its history has. */
async function openTraffic(until: number): Promise<{ readonly traffic: Traffic; readonly expected: number }> {
  const random = seededRandom(SEED);
  const eventsPerSecond = Math.min(users / SECONDS_BETWEEN_EVENTS_OF_A_USER, MOST_EVENTS_A_SECOND);
  if (values.csv === undefined) {
    const events = isLoaded ? 0 : users * HISTORY_EVENTS_A_USER;
    const shop = { users, items: itemsOf(users), until, events, eventsPerSecond, random };
    const traffic = shopTraffic(isLoaded ? { ...shop, sessionBefore: pastSession } : shop);
    return { traffic, expected: Math.max(events, eventsPerSecond * 60) };
  }
  const log = await userLog(values.csv, { now: until, eventsPerSecond, random });
  say(`${log.lines.toLocaleString('en')} lines; ${log.leftOut} without an item, a time or a price are skipped`);
  return { traffic: log, expected: log.lines };
}

/** The user's own log, or a sentence that says what is wrong with it. */
async function userLog(path: string, rest: Omit<PurchaseLogOptions, 'path' | 'columns'>): Promise<PurchaseLog> {
  try {
    return await purchaseLog({ path, columns: parseColumnMap(values.map ?? ''), ...rest });
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  }
}

async function withProject<T>(clock: Pick<ReplayClock, 'now'>, work: (headrace: Headrace) => Promise<T>): Promise<T> {
  const headrace = await openHeadrace({
    project,
    environment,
    clock: clock.now,
    onFault: (error) => console.error(error),
  });
  try {
    return await work(headrace);
  } finally {
    await headrace.close();
  }
}

/** The mean number of tiles that a vector is merged from. */
async function tilesMerged(headrace: Headrace, traffic: Traffic): Promise<number> {
  const asked = 500;
  let tiles = 0;
  for (let i = 0; i < asked; i += 1) {
    await headrace.vector(recommendation, traffic.request());
    tiles += headrace.tilesMerged(recommendation);
  }
  return tiles / asked;
}

async function runLoad(traffic: Traffic): Promise<{
  readonly load: Load;
  readonly live: LiveTotals;
  readonly server: readonly ServerBudget[];
  readonly memory: ServerMemory;
}> {
  const server = await startServerProcess(configFile, ['--env', env]);
  try {
    const url = `${server.url}/v1/features/${recommendation.name}`;
    const requests = Array.from({ length: isLoaded ? MANY_BODIES : BODIES }, () => traffic.request());
    const bodies = requests.map((request) => JSON.stringify({ request }));
    let stopped = false;
    // A large history takes minutes: what would have happened meanwhile is no load.
    traffic.openAt(Date.now());
    const live = sendLive({ url: server.url, traffic, bodies, stopped: () => stopped });
    // Awaited below; till then its failure must not end the process.
    live.catch(() => undefined);
    try {
      const plan = { bodies, warmUpSeconds: 0 };
      const peak = askedRate === null ? await peakOf(url, plan) : null;
      const perSecond = askedRate ?? Math.floor(SHARE_OF_PEAK * (peak ?? 0));
      say(`${perSecond.toLocaleString('en')} requests a second, open loop, for ${seconds} s`);
      const seen = await openLoop(url, { ...plan, connections: CONNECTIONS, shared: true, perSecond, seconds });
      stopped = true;
      // Each run begins with the first request.
      const sent = Math.max(seen.due, (peak ?? 0) * Math.min(PEAK_SECONDS, seconds));
      const distinctUsers = new Set(requests.slice(0, sent).map(({ user }) => user)).size;
      return {
        load: { ...seen, perSecond, peak, distinctUsers },
        live: await live,
        server: await serverBudgets(server.url),
        memory: await serverMemory(server.url),
      };
    } finally {
      stopped = true;
      await live;
    }
  } finally {
    await server.stop();
  }
}

/** Requests a second that are answered when more are due than can be: each connection sends when it is answered. */
async function peakOf(url: string, plan: Pick<LoadPlan, 'bodies' | 'warmUpSeconds'>): Promise<number> {
  const most = { ...plan, connections: CONNECTIONS, perSecond: BEYOND_ANY_PEAK };
  await openLoop(url, { ...most, seconds: 1 });
  const { answeredPerSecond } = await openLoop(url, { ...most, seconds: Math.min(PEAK_SECONDS, seconds) });
  if (answeredPerSecond > 0) return answeredPerSecond;
  throw new Error('the server answered nothing during the search for its peak');
}

function say(text: string): void {
  if (values.json !== true) console.log(text);
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(`--${name} takes a whole number from 1`);
  process.exit(2);
}
