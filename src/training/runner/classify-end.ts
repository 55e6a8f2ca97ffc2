import { STOPPED_EXIT } from '../../base/errors/exit-codes.ts';
import type { GangState } from '../../ports/training-backend.ts';
import { classifyExit, type ExitClass, type OwnAction, type RankExit } from './exit-class.ts';
import { failedRank } from './run-outcome.ts';

/** The controller's facts about the end of an attempt, besides the state of its gang. */
export interface EndFacts {
  /** The action of the controller that ended it; null: none. */
  readonly own: OwnAction | null;
  /** Whether the instances were taken. */
  readonly isTaken: boolean;
  /** Whether a rank is a controller, which is stopped and resumes. */
  readonly ranksResume: boolean;
  readonly step: number;
  readonly targetSteps: number | null;
}

/** The class of the end of a gang, and the last lines and the exit of the rank that failed first. */
export function classifyEnd(
  state: GangState,
  tails: readonly (readonly string[])[],
  { own, isTaken, ranksResume, step, targetSteps }: EndFacts,
): { readonly found: ExitClass; readonly tail: readonly string[]; readonly exit: RankExit | null } {
  const isStopped = ranksResume && state.ranks.some((rank) => rank.state === 'ended' && rank.code === STOPPED_EXIT);
  const found = classifyExit({
    ownAction: own,
    infrastructure: state.preempted || isTaken || isStopped || state.ranks.some((rank) => rank.state === 'lost'),
    oomKills: state.oomKills,
    ranks: state.ranks.map((rank, index) => ({
      ...(rank.state === 'ended' ? rank : { code: null, signal: null }),
      tail: tails[index] ?? [],
    })),
    step,
    targetSteps,
  });
  const failed = state.ranks[failedRank(state)];
  const tail = tails[failedRank(state)] ?? [];
  const exit = failed?.state === 'ended' ? { code: failed.code, signal: failed.signal, tail } : null;
  return { found, tail, exit };
}
