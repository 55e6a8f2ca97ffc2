import { setTimeout as sleep } from 'node:timers/promises';
import type { Slice, Traffic } from '../../examples/personalisation/traffic.ts';
import type { Asked, Tally } from './tally.ts';

const SEND_EVERY_MS = 50;
const READ_EVERY_MS = 10;
const READS_AT_ONCE = 2;
const PROBE_EVERY_MS = 250;
const LOOK_EVERY_MS = 15;
/** A probe that is not seen by then is counted as that old. */
const PROBE_LIMIT_MS = 60_000;
const TIMEOUT_MS = 5_000;

/** One read, or one event until a reader counted it: when it was due, ms since the start, and how long it took, ms. */
export interface Timed {
  readonly at: number;
  readonly ms: number;
}

/** One answer of a reader; of one that gave none, only the time. */
export interface Read extends Timed {
  readonly outcome: 'right away' | 'stale' | 'degraded' | 'no answer';
}

export interface LoadOptions {
  /** Writes clicks to the topic of the service that has them. */
  readonly clicked: (clicks: Slice['clicks']) => Promise<void>;
  /** Where purchases go; another process may take its place. */
  readonly writer: () => string;
  readonly readers: readonly string[];
  readonly traffic: Traffic;
  readonly tally: Tally;
  readonly running: () => boolean;
  /** ms since the start. */
  readonly clock: () => number;
}

export interface Seen {
  readonly reads: readonly Read[];
  readonly freshness: readonly Timed[];
  /** Answers that counted less than one before them, and said neither `degraded` nor `stale`. */
  readonly silentlySmaller: readonly string[];
}

/** Events, reads in an open loop, and probes, until it is stopped. */
export async function load(options: LoadOptions): Promise<Seen> {
  const reads: Read[] = [];
  const freshness: Timed[] = [];
  const silentlySmaller: string[] = [];
  await Promise.all([sendEvents(options), readAll(options, reads, silentlySmaller), probe(options, freshness)]);
  return { reads, freshness, silentlySmaller };
}

/** Sends what happens, each event until it is acknowledged: one that comes twice counts once. */
async function sendEvents({ clicked, writer, traffic, tally, running }: LoadOptions): Promise<void> {
  while (running()) {
    const slice = traffic.live(Date.now());
    await clicked(slice.clicks);
    await acknowledged(writer, slice.purchases);
    tally.add(slice);
    await sleep(SEND_EVERY_MS);
  }
}

async function acknowledged(writer: () => string, events: Slice['purchases']): Promise<void> {
  if (events.length === 0) return;
  for (;;) {
    const answer = await post(`${writer()}/v1/events/purchases`, events).catch(() => null);
    if (answer !== null && answer['refused'] === 0) return;
    if (answer !== null && answer['accepted'] !== undefined) throw new Error(JSON.stringify(answer));
    await sleep(SEND_EVERY_MS);
  }
}

async function readAll({ readers, traffic, running, clock }: LoadOptions, reads: Read[], smaller: string[]) {
  /** By reader and user, what was counted so far. */
  const counted = new Map<string, number>();
  const under = new Set<Promise<void>>();
  const readOne = async (reader: string, request: Asked, at: number): Promise<void> => {
    const answer = await vector(reader, request).catch(() => null);
    reads.push({ at, ms: clock() - at, outcome: answer === null ? 'no answer' : outcomeOf(answer) });
    if (answer === null || outcomeOf(answer) !== 'right away') return;
    const clicks = Number(answer.features['user_clicks_30d']);
    const key = `${reader} ${request.user}`;
    const before = counted.get(key) ?? 0;
    if (answer.at >= (asOf.get(key) ?? 0) && clicks < before)
      smaller.push(`${request.user}: ${clicks} after ${before}, at ${Math.round(at / 1_000)} s`);
    asOf.set(key, answer.at);
    counted.set(key, Math.max(before, clicks));
  };
  const asOf = new Map<string, number>();
  let next = 0;
  for (let due = clock(); running(); due += READ_EVERY_MS) {
    while (clock() < due) await sleep(Math.max(1, due - clock()));
    for (let i = 0; i < READS_AT_ONCE; i += 1) {
      const reading = readOne(readers[next % readers.length] ?? '', traffic.request(), due);
      next += 1;
      under.add(reading);
      void reading.finally(() => under.delete(reading));
    }
  }
  await Promise.all(under);
}

/** A visitor who clicks once, and is asked for until the click is counted. */
async function probe(options: LoadOptions, freshness: Timed[]): Promise<void> {
  const { readers, clicked, running, clock, tally } = options;
  const under: Promise<void>[] = [];
  const seenOnce = async (number: number): Promise<void> => {
    const at = clock();
    const who = { user: `probe${number}`, session: `probe${number}`, item: 'probe', category: 'probe', price: 1 };
    const click = { ...who, id: `probe-${number}`, at: Date.now(), price: '1' };
    await clicked([click]);
    tally.add({ at: click.at, clicks: [click], purchases: [] });
    while (clock() - at < PROBE_LIMIT_MS) {
      const answer = await vector(readers[number % readers.length] ?? '', who).catch(() => null);
      if (answer?.features['session_clicks_1h'] === 1) break;
      await sleep(LOOK_EVERY_MS);
    }
    freshness.push({ at, ms: clock() - at });
  };
  for (let number = 0; running(); number += 1) {
    under.push(seenOnce(number));
    await sleep(PROBE_EVERY_MS);
  }
  await Promise.all(under);
}

interface Vector {
  readonly at: number;
  readonly features: Readonly<Record<string, unknown>>;
  readonly stale: readonly string[];
  readonly degraded: boolean;
}

/** Asks a reader for a vector. Throws where there is no answer. */
export async function vector(reader: string, request: Asked): Promise<Vector> {
  const answer: unknown = await post(`${reader}/v1/features/recommendation`, { request });
  if (!isVector(answer)) throw new Error(JSON.stringify(answer));
  return answer;
}

/** Views that a batch engine has not filled are always old here: only streams count. */
const OF_BATCHES = new Set(['customer', 'assortment']);

function outcomeOf({ degraded, stale }: Vector): Read['outcome'] {
  if (degraded) return 'degraded';
  return stale.some((alias) => !OF_BATCHES.has(alias)) ? 'stale' : 'right away';
}

async function post(url: string, body: unknown): Promise<Readonly<Record<string, unknown>>> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const json: unknown = await answer.json();
  if (!isRecord(json)) throw new Error(`${url} answered ${answer.status}`);
  return json;
}

function isVector(answer: unknown): answer is Vector {
  return isRecord(answer) && isRecord(answer['features']) && Array.isArray(answer['stale']);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
