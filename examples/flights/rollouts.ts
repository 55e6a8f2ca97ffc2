import type { Headrace, RolloutEvent } from 'headrace';
import { lateDeparture } from './declaration.ts';

const HOUR_MS = 3_600_000;

/** How often the labels of a rollout are joined, by the replay's clock. */
const LOOK_MS = 2 * HOUR_MS;

/** The rollouts of a run, as the summary has them. */
export interface RunRollout {
  readonly version: number;
  readonly trainedOn: string;
  readonly state: string;
  readonly reason: string;
}

interface Candidate {
  readonly trainedOn: string;
  /** Span of its training set when it starts at `now`. */
  readonly span: (now: number) => { readonly from?: number; readonly to: number };
}

/**
 * Two retrained versions, one after the other: one from everything that is known by then, which should be promoted, and one from three
 * hours of the first night, which should not.
 */
const CANDIDATES: readonly Candidate[] = [
  // A label has its time after seven hours; the newest day with labels is for the gate, which measures how far scores move.
  { trainedOn: 'the days until then', span: (now) => ({ to: now - 31 * HOUR_MS }) },
  { trainedOn: 'three hours of one night', span: (now) => nightBefore(now) },
];

/** From 21:00 to midnight of the previous day: late flights are late by then. */
function nightBefore(now: number): { readonly from: number; readonly to: number } {
  const midnight = Math.floor(now / (24 * HOUR_MS)) * 24 * HOUR_MS;
  return { from: midnight - 3 * HOUR_MS, to: midnight };
}

export interface RolloutsOptions {
  readonly headrace: Headrace;
  /** When the first one starts. */
  readonly from: number;
  readonly say: (text: string) => void;
}

/** Runs the rollouts of a replay. */
export function rollouts({ headrace, from, say }: RolloutsOptions) {
  const control = headrace.rollout(lateDeparture);
  const finished: RunRollout[] = [];
  let shown = 0;
  let current: { readonly version: number; readonly candidate: Candidate } | null = null;

  const show = (events: readonly RolloutEvent[]) => {
    for (const { at, kind, percent, reason } of events.slice(shown))
      if (kind !== 'tuned')
        say(`\n${new Date(at).toISOString().slice(0, 16)} rollout ${kind} (${percent} %): ${reason}`);
    shown = events.length;
  };
  const start = async (now: number) => {
    const candidate = CANDIDATES[finished.length];
    const { version } = await headrace.train(lateDeparture, candidate.span(now));
    await control.start(version, { by: 'replay', reason: `version ${version}, trained on ${candidate.trainedOn}` });
    current = { version, candidate };
    shown = 0;
  };
  const look = async () => {
    await control.settled();
    await control.look({ outcomes: 'again' });
    const status = await control.status();
    if (status === null || current === null) return;
    show(status.events);
    const { state, reason, endedAt } = status.rollout;
    if (endedAt === null) return;
    finished.push({ version: current.version, trainedOn: current.candidate.trainedOn, state, reason });
    current = null;
  };
  return {
    finished,
    /** Starts or judges a rollout that is due at an instant of the replay, whose clock stands still meanwhile. */
    at: async (now: number): Promise<void> => {
      if (now < from || now % LOOK_MS !== 0) return;
      if (current !== null) await look();
      else if (finished.length < CANDIDATES.length) await start(now);
    },
  };
}
