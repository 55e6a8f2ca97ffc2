import { readFileSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import type { GangState } from '../../ports/training-backend.ts';
import type { ExitClass, RankExit } from './exit-class.ts';
import type { Ledger } from './ledger.ts';
import type { RunState } from './run-state.ts';

export interface RunOutcome {
  readonly state: RunState;
  /** Class of the last exit; null: the run was cancelled before any attempt. */
  readonly class: ExitClass | null;
  readonly hint: string;
  readonly step: number;
  /** The content of done.json. */
  readonly result: unknown;
  /** Last lines of the rank that failed. */
  readonly tail: readonly string[];
  /** How that rank ended; null: it did not run. */
  readonly exit: Pick<RankExit, 'code' | 'signal'> | null;
  readonly ledger: Ledger;
}

/** The rank whose output explains the end: the first that ended with an error. */
export function failedRank({ ranks }: GangState): number {
  const failed = ranks.findIndex((rank) => rank.state === 'ended' && rank.code !== 0 && rank.signal === null);
  return failed === -1
    ? Math.max(
        0,
        ranks.findIndex((rank) => rank.state === 'ended' && rank.code !== 0),
      )
    : failed;
}

/** The JSON of a file. Error: RUN_RESULT. */
export function readResult(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw fail('RUN_RESULT', { path }, error);
  }
}
