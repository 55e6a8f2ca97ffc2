import type { Headrace, Prediction } from 'headrace';
import { departures, lateDeparture, schedule } from './declaration.ts';
import { type Flight, type Minute, readFlights, replayMinutes } from './flights.ts';
import type { ReplayClock } from './replay-clock.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export interface ReplayProgress {
  /** The replay's instant. */
  readonly at: number;
  readonly flights: number;
  readonly predictions: number;
}

export interface ReplayOptions {
  readonly headrace: Headrace;
  readonly clock: ReplayClock;
  readonly limit: number;
  /** First instant of live predictions: what is before trains the model. */
  readonly liveFrom: number;
  /** Trains the first model; the replay's clock stands still meanwhile. */
  readonly train: () => Promise<void>;
  /** Rolls out further versions; the replay's clock stands still meanwhile. */
  readonly rollOut: (at: number) => Promise<void>;
  /** Called at the begin of every day, by the replay's clock. */
  readonly day: (at: number) => void;
  readonly progress: (progress: ReplayProgress) => void;
  readonly stopped: () => boolean;
}

/** What the replay sent and asked for: the run checks the rest against it. */
export interface ReplayTotals {
  scheduled: number;
  departed: number;
  predictions: number;
  sumDelay: number;
  /** First and last minute replayed. */
  from: number;
  to: number;
}

/**
 * Replays the flights in lock-step: each minute answers its requests, then applies its events. The replay's clock is the
 * ingest time; it stands still while a job runs.
 */
export async function replay(options: ReplayOptions): Promise<ReplayTotals> {
  const { headrace, clock } = options;
  const totals: ReplayTotals = {
    scheduled: 0,
    departed: 0,
    predictions: 0,
    sumDelay: 0,
    from: Number.NaN,
    to: Number.NaN,
  };
  let trained = false;
  for await (const minute of replayMinutes(readFlights(options.limit))) {
    if (options.stopped()) break;
    clock.set(minute.at);
    if (Number.isNaN(totals.from)) totals.from = minute.at;
    totals.to = minute.at;
    if (minute.at % (10 * MINUTE_MS) === 0) await headrace.tick();
    if (minute.at % DAY_MS === 0) options.day(minute.at);
    if (!trained && minute.at >= options.liveFrom) {
      await options.train();
      trained = true;
    }
    if (trained) await options.rollOut(minute.at);
    await replayMinute(headrace, minute, trained, totals);
    options.progress({ at: minute.at, flights: totals.departed, predictions: totals.predictions });
  }
  return totals;
}

async function replayMinute(headrace: Headrace, minute: Minute, live: boolean, totals: ReplayTotals): Promise<void> {
  const { at, scheduled, departed } = minute;
  if (scheduled.length > 0) {
    if (live) totals.predictions += (await predictAll(headrace, scheduled, at)).length;
    await headrace.ingest(
      schedule,
      scheduled.map(({ id, scheduled: due, origin, destination, distance }) => ({
        flight: id,
        scheduled: due,
        origin,
        destination,
        distance,
      })),
    );
    totals.scheduled += scheduled.length;
  }
  if (departed.length === 0) return;
  await headrace.ingest(
    departures,
    departed.map(({ id, departed: left, scheduled: due, origin, destination, delay }) => ({
      flight: id,
      departed: left,
      scheduled: due,
      origin,
      destination,
      delay,
    })),
  );
  totals.departed += departed.length;
  for (const { delay } of departed) totals.sumDelay += delay;
}

async function predictAll(headrace: Headrace, flights: readonly Flight[], at: number): Promise<readonly Prediction[]> {
  const requests = flights.map(({ id, origin, destination, scheduled, distance }) => ({
    id,
    request: { origin, destination, scheduled, distance },
  }));
  return headrace.predictMany(lateDeparture, requests, { at });
}
