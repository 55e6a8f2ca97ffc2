import { execFileSync } from 'node:child_process';
import type { FileReplay } from '../../src/playbook/file-replay/replay-file.ts';

/** An expectation of a run, and what was found. */
export interface Check {
  readonly name: string;
  readonly passed: boolean;
  readonly found: string;
}

/** A replay as its files say; predictions stay in theirs. */
export type Replayed = Omit<FileReplay, 'predictions'>;

/** A file of ../shared that is replayed by itself. */
export interface DriftRun {
  readonly name: string;
  /** The table that it shares with another run; its own without it. */
  readonly table?: string;
  /** Files below ../shared/data. */
  readonly files: readonly string[];
  /** SQL of DuckDB that makes one table of the files; null: the file is replayed as it is. `{files}` stands for their list. */
  readonly prepare: string | null;
  /** Options of `headrace drift replay`. */
  readonly args: readonly string[];
  /** Options of a second replay, whose files are below `<folder>-without`; left out: there is none. */
  readonly without?: readonly string[];
  /** `folder` has the files of the replay. */
  readonly checks: (replay: Replayed, folder: string) => readonly Check[];
  /** Checks against a yardstick of Python, on the table and the folder of the replay. */
  readonly beside?: (python: string, table: string, folder: string) => readonly Check[];
}

/** Incidents that were opened, by kind: `conceptDrift`. */
export function openedOf(
  { log }: Replayed,
  kind: string,
): readonly { readonly at: number; readonly evidence: string }[] {
  return log.filter(({ action }) => action.startsWith(`open replayed/${kind}/`));
}

/** Whether anything was found at all. */
export function isSilent({ log }: Replayed): boolean {
  return log.every(({ action }) => !action.startsWith('open '));
}

/** Windows in which a feature drifted or was faulty. */
export function windowsOf({ windows }: Replayed, feature: string): readonly number[] {
  return windows
    .filter(
      ({ monitor, drifted, faults }) =>
        monitor === 'featureDrift' &&
        (drifted.includes(feature) || faults.some(({ columns }) => columns.includes(feature))),
    )
    .map(({ from }) => from);
}

/** How many versions became champion by a rollout. */
export function promotedOf({ log }: Replayed): number {
  return log.filter(({ by, action }) => by === 'rollout' && / promoted /.test(action)).length;
}

/** The last line of a program in Python, as JSON. */
export function fromPython<T>(python: string, args: readonly string[]): T {
  const text = execFileSync(python, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  return JSON.parse(text.trimEnd().split('\n').at(-1) ?? '{}') as T;
}

export function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

export function check(name: string, passed: boolean, found: string | number): Check {
  return { name, passed, found: String(found) };
}
