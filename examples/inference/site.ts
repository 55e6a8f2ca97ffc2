import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Headrace, openHeadrace } from 'headrace';
import { departures, lateDeparture, schedule } from '../flights/declaration.ts';
import type { Flight } from '../flights/flights.ts';
import { type ReplayClock, replayClock } from '../flights/replay-clock.ts';
import project from './declaration.ts';
import { someFlights } from './some-flights.ts';

/** Partitions of each topic. */
export const PARTITIONS = 2;
/** Events that are taken at once. */
const CHUNK = 5_000;

interface SiteFacts {
  /** Flights, of which half are past. */
  readonly limit: number;
  /** The begin of the live flights, epoch ms. */
  readonly liveFrom: number;
  /** The last departure. */
  readonly to: number;
  /** The champion, and the version after it. */
  readonly versions: readonly [number, number];
}

/** An environment with the events of past flights in it, a champion, and a second version. */
export interface Site extends SiteFacts {
  readonly directory: string;
  readonly flights: readonly Flight[];
  /** Those that are scheduled from `liveFrom` on: no event of them is there yet. */
  readonly live: readonly Flight[];
  /** Where the flights are from. */
  readonly from: string;
}

/** Makes a site: the first half of the flights trains the first version, the second quarter of them the second. */
export async function makeSite(directory: string, limit: number): Promise<Site> {
  rmSync(directory, { recursive: true, force: true });
  const { flights } = await someFlights(limit);
  const at = (share: number) => flights[Math.floor((flights.length - 1) * share)]?.scheduled ?? 0;
  const liveFrom = at(0.5);
  const headrace = await openSite({ directory, clock: replayClock(liveFrom) });
  try {
    const past = flights.filter(({ scheduled }) => scheduled < liveFrom);
    await takeScheduled(headrace, past);
    // A delay is known when the flight has left.
    await takeDeparted(
      headrace,
      past.filter(({ departed }) => departed < liveFrom),
    );
    await headrace.flush();
    for (const view of project.views) if (view.kind === 'batchView') await headrace.backfill(view);
    const first = await headrace.train(lateDeparture, { to: liveFrom });
    await headrace.promote(lateDeparture, first.version);
    const second = await headrace.train(lateDeparture, { from: at(0.25), to: liveFrom });
    const to = flights.reduce((last, { departed }) => Math.max(last, departed), 0);
    const facts: SiteFacts = { limit, liveFrom, to, versions: [first.version, second.version] };
    writeFileSync(join(directory, 'site.json'), JSON.stringify(facts));
  } finally {
    await headrace.close();
  }
  return readSite(directory);
}

/** A site that was made before. */
export async function readSite(directory: string): Promise<Site> {
  const facts: SiteFacts = JSON.parse(readFileSync(join(directory, 'site.json'), 'utf8'));
  const { flights, from } = await someFlights(facts.limit);
  return { ...facts, directory, flights, from, live: flights.filter(({ scheduled }) => scheduled >= facts.liveFrom) };
}

/** Opens the environment of a site. */
export function openSite({
  directory,
  clock,
}: {
  readonly directory: string;
  readonly clock: ReplayClock;
}): Promise<Headrace> {
  const environment = { directory, partitions: PARTITIONS };
  return openHeadrace({ project, environment, clock: clock.now, onFault: (error) => console.error(error) });
}

/** The request for a prediction of a flight. */
export function requestOf({ origin, destination, scheduled, distance }: Flight) {
  return { origin, destination, scheduled, distance };
}

/** Takes events of `schedule`, in order of time. */
export async function takeScheduled(headrace: Headrace, flights: readonly Flight[]): Promise<void> {
  const events = flights.map(scheduledEvent);
  for (let i = 0; i < events.length; i += CHUNK) await headrace.bootstrap(schedule, events.slice(i, i + CHUNK));
}

/** Takes events of `departures`, in order of time. */
export async function takeDeparted(headrace: Headrace, flights: readonly Flight[]): Promise<void> {
  const events = flights.toSorted((a, b) => a.departed - b.departed).map(departedEvent);
  for (let i = 0; i < events.length; i += CHUNK) await headrace.bootstrap(departures, events.slice(i, i + CHUNK));
}

export function scheduledEvent(flight: Flight) {
  return { flight: flight.id, ...requestOf(flight) };
}

export function departedEvent({ id: flight, departed, scheduled, origin, destination, delay }: Flight) {
  return { flight, departed, scheduled, origin, destination, delay };
}
