import type { JournalEntry } from './journal.ts';

/** A start counts as slow from this share of the usual one, and only above the least seconds. */
const SLOW = 5;
const LEAST_SLOW_S = 10;

/** Attempts in a row without a step from one checkpoint, after which an older one is tried. */
const MOST_FRUITLESS = 2;

/**
 * The seconds of earlier attempts of a journal from their start to their first new step, as a median; null: there are none. A start
 * that takes far longer often fetches its state over the wrong network.
 */
export function usualStart(entries: readonly JournalEntry[]): number | null {
  const seconds = entries.filter(({ event }) => event === 'firstStep').map(({ data }) => Number(data['seconds']));
  return seconds.sort((a, b) => a - b)[seconds.length >> 1] ?? null;
}

export function isSlowStart(seconds: number, usual: number | null): boolean {
  return usual !== null && seconds >= LEAST_SLOW_S && seconds > SLOW * usual;
}

/** Whether the last attempts resumed from a checkpoint, hung, and took no step: loading it may never end. */
export function loadsInVain(entries: readonly JournalEntry[], checkpoint: string): boolean {
  const submitted = entries.filter(({ event }) => event === 'submitted').slice(-MOST_FRUITLESS);
  return (
    submitted.length === MOST_FRUITLESS &&
    submitted.every(
      ({ attempt, data }) =>
        data['checkpoint'] === checkpoint &&
        entries.some((one) => one.attempt === attempt && one.event === 'ended' && one.data['class'] === 'hang') &&
        !entries.some((one) => one.attempt === attempt && one.event === 'firstStep'),
    )
  );
}
