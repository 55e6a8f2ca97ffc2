import type { Headrace, SkewReport } from 'headrace';
import { departure } from './declaration.ts';

/** What all audits of the run found together. */
export interface RunSkew {
  /** Vectors recomputed. */
  readonly vectors: number;
  readonly mismatches: SkewReport['mismatches'];
}

/** Audits what was served next to the replay that continues: the history alone is read, on the database's own threads. */
export interface RunningAudit {
  /** Begins to audit what was served up to an instant, behind the audits before it. */
  readonly upTo: (at: number) => void;
  /** Audits the rest, up to `end`, and gives what all found. */
  readonly finish: (end: number) => Promise<RunSkew>;
}

export function runningAudit(headrace: Headrace, from: number): RunningAudit {
  let begin = from;
  let turn: Promise<RunSkew> = Promise.resolve({ vectors: 0, mismatches: { lateness: 0, staleness: 0, logic: 0 } });
  const upTo = (at: number) => {
    const [first, end] = [begin, at];
    begin = at;
    turn = turn.then(async (found) => added(found, await headrace.auditSkew(departure, first, end)));
    // Whoever finishes learns of it.
    turn.catch(() => undefined);
  };
  return {
    upTo,
    finish: (end) => {
      upTo(end);
      return turn;
    },
  };
}

function added(one: RunSkew, { vectors, mismatches }: SkewReport): RunSkew {
  return {
    vectors: one.vectors + vectors,
    mismatches: {
      lateness: one.mismatches.lateness + mismatches.lateness,
      staleness: one.mismatches.staleness + mismatches.staleness,
      logic: one.mismatches.logic + mismatches.logic,
    },
  };
}
