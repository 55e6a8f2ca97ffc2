import { setTimeout as pause } from 'node:timers/promises';
import { isHeadraceError } from '../../base/errors/fail.ts';
import type { GangState, TrainingBackend } from '../../ports/training-backend.ts';
import { type JournalEntry, readJournal } from './journal.ts';
import { type Ledger, ledgerOf } from './ledger.ts';
import { runFiles } from './run-files.ts';

export interface FollowOptions {
  readonly backend: TrainingBackend;
  readonly id: string;
  /** Folder of the run, which the controller inside writes; null: it cannot be seen from here. */
  readonly directory: string | null;
  readonly pollMs: number;
  /** Stops the following; the gang runs on. */
  readonly signal?: AbortSignal;
  /** Takes each change of the state that the back end describes. */
  readonly onDetail?: (detail: string) => void;
  /** Takes each entry of the journal of the controller inside. */
  readonly onEntry?: (entry: JournalEntry) => void;
}

export interface Followed {
  /** null: the following was stopped before. */
  readonly state: GangState | null;
  /** From the journal of the controller inside; null: it cannot be seen, or is not there. */
  readonly ledger: Ledger | null;
}

/**
 * Follows a gang that another system runs and restarts: its state, and the journal of the controller inside. A system that does not
 * answer for a while is asked again. Error: RUN_GANG.
 */
export async function followGang(options: FollowOptions): Promise<Followed> {
  const { backend, id, directory, pollMs, signal, onDetail, onEntry } = options;
  let detail = '';
  let seen = 0;
  const entries = () => (directory === null ? [] : readJournal(runFiles(directory).journal));
  for (;;) {
    const state = await stateOf(backend, id, (reason) => {
      if (reason !== detail) onDetail?.(reason);
      detail = reason;
    });
    if (state?.detail !== undefined && state.detail !== detail) {
      detail = state.detail;
      onDetail?.(detail);
    }
    const journal = entries();
    for (const entry of journal.slice(seen)) onEntry?.(entry);
    seen = journal.length;
    const isOver = state?.ranks.every((rank) => rank.state !== 'running') === true;
    if (isOver || signal?.aborted === true) {
      const ledger = journal.length === 0 ? null : ledgerOf(journal, { now: Date.now(), speed: 1 });
      return { state: isOver ? state : null, ledger };
    }
    await pause(pollMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

/** Null: the system does not answer now. */
async function stateOf(
  backend: TrainingBackend,
  id: string,
  unreachable: (reason: string) => void,
): Promise<GangState | null> {
  try {
    return await backend.state(id);
  } catch (error) {
    if (!isHeadraceError(error) || error.code !== 'RUN_UNREACHABLE') throw error;
    unreachable(error.message);
    return null;
  }
}
