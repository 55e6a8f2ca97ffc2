import type { Headrace, Prediction } from 'headrace';
import { departures, type LateDeparture, schedule } from './declaration.ts';
import { type Flight, readFlights, replaySteps, type Step } from './flights.ts';
import type { Part } from './parts.ts';
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
  readonly part: Part;
  readonly model: LateDeparture;
  /** Trains the first model; the replay's clock stands still meanwhile. */
  readonly train: () => Promise<void>;
  /** Rolls out further versions; the replay's clock stands still meanwhile. */
  readonly rollOut: (at: number) => Promise<void>;
  /** Called at the begin of every day, by the replay's clock. */
  readonly day: (at: number) => void;
  readonly progress: (progress: ReplayProgress) => void;
}

/** What the replay sent and asked for: the run checks the rest against it. */
export interface ReplayTotals {
  scheduled: number;
  departed: number;
  predictions: number;
  sumDelay: number;
  /** First and last step replayed. */
  from: number;
  to: number;
}

/**
 * Replays the flights in lock-step: each step answers its requests, then applies its events. The replay's clock is the
 * ingest time; it stands still while a job runs.
 */
export async function replay(options: ReplayOptions): Promise<ReplayTotals> {
  const { headrace, clock, part, model } = options;
  const totals: ReplayTotals = {
    scheduled: 0,
    departed: 0,
    predictions: 0,
    sumDelay: 0,
    from: Number.NaN,
    to: Number.NaN,
  };
  let trained = false;
  for await (const step of replaySteps(readFlights(part.relation), part.stepMs)) {
    clock.set(step.at);
    if (Number.isNaN(totals.from)) totals.from = step.at;
    totals.to = step.at;
    if (step.at % (10 * MINUTE_MS) === 0) await headrace.tick();
    if (step.at % DAY_MS === 0) options.day(step.at);
    if (!trained && step.at >= part.liveFrom) {
      await options.train();
      trained = true;
    }
    if (trained) await options.rollOut(step.at);
    await predictStep(headrace, step, trained ? model : null, totals);
    clock.set(step.at + part.stepMs - MINUTE_MS);
    await ingestStep(headrace, step, totals);
    options.progress({ at: step.at, flights: totals.departed, predictions: totals.predictions });
  }
  return totals;
}

async function predictStep(
  headrace: Headrace,
  { at, scheduled }: Step,
  model: LateDeparture | null,
  totals: ReplayTotals,
): Promise<void> {
  if (model === null || scheduled.length === 0) return;
  totals.predictions += (await predictAll(headrace, model, scheduled, at)).length;
}

async function ingestStep(headrace: Headrace, { scheduled, departed }: Step, totals: ReplayTotals): Promise<void> {
  if (scheduled.length > 0) {
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

async function predictAll(
  headrace: Headrace,
  model: LateDeparture,
  flights: readonly Flight[],
  at: number,
): Promise<readonly Prediction[]> {
  const requests = flights.map(({ id, origin, destination, scheduled, distance }) => ({
    id,
    request: { origin, destination, scheduled, distance },
  }));
  return headrace.predictMany(model, requests, { at });
}
