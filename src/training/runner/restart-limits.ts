import { type ExitClass, exitActions } from './exit-class.ts';
import type { JournalEntry } from './journal.ts';
import type { RunSpec } from './run-spec.ts';

/** Entries that end an attempt. */
export function isEnd(event: string): boolean {
  return event === 'ended' || event === 'abandoned' || event === 'notProvisioned';
}

/** Whether an exit of a class, noted last, is followed by another attempt. Limits count from the last start by the owner. */
export function mayRestart(found: ExitClass, entries: readonly JournalEntry[], spec: RunSpec): boolean {
  const { restart } = exitActions[found];
  if (restart === 'always' || restart === 'never') return restart === 'always';
  const started = entries.findLastIndex(({ event, data }) => event === 'state' && data['to'] === 'planned');
  const counted = entries
    .slice(started + 1)
    .filter(({ event, data }) => event === 'ended' && exitActions[data['class'] as ExitClass]?.restart === restart);
  return counted.length <= (restart === 'errors' ? spec.errorRestarts : spec.killRestarts);
}

/** Attempts in a row that could not start. */
export function failuresInARow(entries: readonly JournalEntry[]): number {
  const ends = entries.filter(({ event }) => isEnd(event));
  return ends.length - 1 - ends.findLastIndex(({ event }) => event !== 'notProvisioned');
}
