import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isHeadraceError } from '../../base/errors/fail.ts';
import { stampOf } from '../run-folder.ts';
import { readHeartbeat } from './heartbeat.ts';
import { type JournalEntry, readJournal } from './journal.ts';
import { type Ledger, ledgerOf } from './ledger.ts';
import { runFiles } from './run-files.ts';
import { isFinal, type RunState, runStates } from './run-state.ts';

/** A training run as its journal tells it. */
export interface ListedRun extends Ledger {
  /** The name of its folder. */
  readonly name: string;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly state: RunState;
  /** Whether it still works, or may resume. */
  readonly isOpen: boolean;
  /** The newest step of its first rank. */
  readonly step: number;
  /** The newest loss that the first rank said; null: it said none. */
  readonly loss: number | null;
  /** The newest checkpoint; null: none. */
  readonly checkpoint: number | null;
  readonly restarts: number;
}

/** A journal beyond this is not read, bytes: a run has a few hundred bytes an event. */
const MOST_BYTES = 16 * 2 ** 20;

/** Runs that have ended, by the path of their journal: such a journal is read once, and again when it has grown. */
const ended = new Map<string, { readonly size: number; readonly run: ListedRun }>();
const MOST_ENDED = 1_000;

/** The newest training runs of a folder, the newest first. A folder whose journal cannot be read is left out. */
export function listRuns(folder: string, most: number, now: number): readonly ListedRun[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
  const newest = names.toSorted((a, b) => (stampOf(b) || 0) - (stampOf(a) || 0) || (a < b ? 1 : -1)).slice(0, most);
  return newest.flatMap((name) => listedRun(folder, name, now) ?? []);
}

function listedRun(folder: string, name: string, now: number): ListedRun | null {
  const directory = join(folder, name);
  const { journal } = runFiles(directory);
  const size = statSync(journal, { throwIfNoEntry: false })?.size ?? 0;
  const known = ended.get(journal);
  if (known?.size === size) return known.run;
  const run = runOf(name, directory, size > MOST_BYTES ? [] : entriesOf(journal), now);
  if (run === null || run.isOpen) return run;
  if (ended.size >= MOST_ENDED) ended.clear();
  ended.set(journal, { size, run });
  return run;
}

function runOf(name: string, directory: string, entries: readonly JournalEntry[], now: number): ListedRun | null {
  const [first] = entries;
  if (first === undefined) return null;
  const ledger = ledgerOf(entries, { now, speed: 1 });
  const state = stateOf(entries);
  const attempt = ledger.attempts.at(-1)?.attempt ?? 0;
  const heartbeat = readHeartbeat(directory, 0, attempt);
  const steps = [heartbeat?.step ?? 0, ...ledger.attempts.map(({ toStep }) => toStep)];
  const saved = entries.findLast(({ event }) => event === 'checkpoint')?.data['step'];
  return {
    ...ledger,
    name,
    startedAt: first.wall,
    state,
    isOpen: !isFinal(state),
    step: Math.max(...steps),
    loss: heartbeat?.loss ?? null,
    checkpoint: typeof saved === 'number' ? saved : null,
    restarts: Math.max(0, ledger.attempts.length - 1),
  };
}

function entriesOf(journal: string): readonly JournalEntry[] {
  try {
    return readJournal(journal);
  } catch (error) {
    if (isHeadraceError(error) && error.code === 'RUN_JOURNAL') return [];
    throw error;
  }
}

function stateOf(entries: readonly JournalEntry[]): RunState {
  const said = entries.findLast(({ event }) => event === 'state')?.data['to'];
  return runStates.find((state) => state === said) ?? 'planned';
}
