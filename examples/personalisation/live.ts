import { setTimeout as sleep } from 'node:timers/promises';
import type { Click, Traffic } from './traffic.ts';

const EVERY_MS = 50;
const PROBE_EVERY_MS = 200;
const LOOK_EVERY_MS = 20;
const PROBE_LIMIT_MS = 5_000;
const MOST_TRIES = 100;

/** What was sent while the server was under load. */
export interface LiveTotals {
  readonly clicks: number;
  readonly purchases: number;
  /** Events that the server did not take. */
  readonly refused: number;
  /** ms from the sending of an event until a vector counts it; a probe that was never seen is NaN. */
  readonly freshnessMs: readonly number[];
  /** Vectors read next to the load, those of them that lack a feature, and those with a stale one. */
  readonly asked: number;
  readonly incomplete: number;
  readonly stale: number;
}

export interface LiveOptions {
  readonly url: string;
  readonly traffic: Traffic;
  /** Requests of the load, some of which are looked into. */
  readonly bodies: readonly string[];
  readonly stopped: () => boolean;
}

/** Sends live events, and probes of a visitor who clicks once and asks until it is seen, until it is stopped. */
export async function sendLive(options: LiveOptions): Promise<LiveTotals> {
  const [flow, freshnessMs, looked] = await Promise.all([sendEvents(options), probe(options), lookInto(options)]);
  return { ...flow, ...looked, clicks: flow.clicks + freshnessMs.length, freshnessMs };
}

async function sendEvents({ url, traffic, stopped }: LiveOptions) {
  const totals = { clicks: 0, purchases: 0, refused: 0 };
  while (!stopped()) {
    const { clicks, purchases } = traffic.live(Date.now());
    totals.refused += await sendAll(`${url}/v1/events/clicks`, clicks);
    totals.refused += await sendAll(`${url}/v1/events/purchases`, purchases);
    totals.clicks += clicks.length;
    totals.purchases += purchases.length;
    await sleep(EVERY_MS);
  }
  return totals;
}

async function probe({ url, stopped }: LiveOptions): Promise<readonly number[]> {
  const freshness: number[] = [];
  while (!stopped()) {
    const session = `probe-${freshness.length}`;
    const request = { user: 'probe', session, item: 'probe', category: 'probe', price: 1 };
    const { price: _, ...who } = request;
    const click: Click = { ...who, id: `${session}-${process.pid}`, at: Date.now(), price: '1' };
    const sent = performance.now();
    await sendAll(`${url}/v1/events/clicks`, [click]);
    let seen = false;
    while (!seen && performance.now() - sent < PROBE_LIMIT_MS) {
      const { features } = await post(`${url}/v1/features/recommendation`, { request });
      seen = isRecord(features) && features['session_clicks_1h'] === 1;
    }
    freshness.push(seen ? performance.now() - sent : Number.NaN);
    await sleep(PROBE_EVERY_MS);
  }
  return freshness;
}

async function lookInto({ url, bodies, stopped }: LiveOptions) {
  const totals = { asked: 0, incomplete: 0, stale: 0 };
  while (!stopped()) {
    const body: unknown = JSON.parse(bodies[totals.asked % bodies.length]);
    const { complete, stale } = await post(`${url}/v1/features/recommendation`, body);
    totals.asked += 1;
    if (complete !== true) totals.incomplete += 1;
    if (!Array.isArray(stale) || stale.length > 0) totals.stale += 1;
    await sleep(LOOK_EVERY_MS);
  }
  return totals;
}

const CALL_EVENTS = 500;

/** Sends events; returns how many were refused. */
async function sendAll(url: string, events: readonly unknown[]): Promise<number> {
  let refused = 0;
  for (let i = 0; i < events.length; i += CALL_EVENTS)
    refused += Number((await post(url, events.slice(i, i + CALL_EVENTS)))['refused']);
  return refused;
}

/** Posts JSON. A server that turns it away is asked again: to send an event twice changes nothing. */
async function post(url: string, body: unknown): Promise<Readonly<Record<string, unknown>>> {
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: JSON.stringify(body) };
  let answer = await fetch(url, init);
  for (let tries = 1; (answer.status === 429 || answer.status === 503) && tries < MOST_TRIES; tries += 1) {
    await answer.arrayBuffer();
    await sleep(EVERY_MS);
    answer = await fetch(url, init);
  }
  const text = await answer.text();
  const json: unknown = JSON.parse(text);
  if (!answer.ok || !isRecord(json)) throw new Error(`${url} answered ${answer.status} ${text.slice(0, 200)}`);
  return json;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
