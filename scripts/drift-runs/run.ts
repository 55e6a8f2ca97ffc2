import type { FileReplay } from '../../src/running/file-replay/replay-file.ts';

/** An expectation of a run, and what was found. */
export interface Check {
  readonly name: string;
  readonly passed: boolean;
  readonly found: string;
}

/** A file of ../shared that is replayed by itself. */
export interface DriftRun {
  readonly name: string;
  /** Files below ../shared/data. */
  readonly files: readonly string[];
  /** SQL of DuckDB that makes one table of the files; null: the file is replayed as it is. `{files}` stands for their list. */
  readonly prepare: string | null;
  /** Options of `headrace drift replay`. */
  readonly args: readonly string[];
  readonly checks: (replay: FileReplay) => readonly Check[];
}

/** Incidents that were opened, by kind: `conceptDrift`. */
export function openedOf(
  { log }: FileReplay,
  kind: string,
): readonly { readonly at: number; readonly evidence: string }[] {
  return log.filter(({ action }) => action.startsWith(`open replayed/${kind}/`));
}

/** Whether anything was found at all. */
export function isSilent({ log }: FileReplay): boolean {
  return log.every(({ action }) => !action.startsWith('open '));
}

/** Windows in which a feature drifted or was faulty. */
export function windowsOf({ windows }: FileReplay, feature: string): readonly number[] {
  return windows
    .filter(
      ({ monitor, drifted, faults }) =>
        monitor === 'featureDrift' &&
        (drifted.includes(feature) || faults.some(({ columns }) => columns.includes(feature))),
    )
    .map(({ from }) => from);
}

/** How many versions became champion by a rollout. */
export function promotedOf({ log }: FileReplay): number {
  return log.filter(({ by, action }) => by === 'rollout' && / promoted /.test(action)).length;
}

export function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

export function check(name: string, passed: boolean, found: string | number): Check {
  return { name, passed, found: String(found) };
}
