import { fail } from '../../base/errors/fail.ts';
import type { Rollout, RolloutEvent, RolloutEventKind, RolloutState } from '../../ports/rollout-store.ts';
import { percentOf } from './lane.ts';

/** States that each event may leave, and what it does in words. */
const TRANSITIONS: Readonly<
  Record<Exclude<RolloutEventKind, 'started'>, { readonly from: readonly RolloutState[]; readonly does: string }>
> = {
  canaried: { from: ['shadow'], does: 'become a canary' },
  raised: { from: ['canary'], does: 'be raised' },
  held: { from: ['shadow', 'canary', 'held'], does: 'be held' },
  released: { from: ['held'], does: 'be released' },
  promoted: { from: ['shadow', 'canary', 'held'], does: 'be promoted' },
  rolledBack: { from: ['shadow', 'canary', 'held', 'soaking'], does: 'be rolled back' },
  completed: { from: ['soaking'], does: 'be completed' },
  tuned: { from: ['canary', 'held'], does: 'be tuned' },
};

/** A decision that moves a rollout. */
export interface Move {
  readonly kind: Exclude<RolloutEventKind, 'started'>;
  readonly at: number;
  readonly by: string;
  readonly reason: string;
  readonly numbers?: unknown;
  /** From how long on a prediction is slow; left out: as before. */
  readonly slowMs?: number | null;
}

/** A rollout after a move, and the event of it. Error: ROLLOUT_STATE. */
export function moved(rollout: Rollout, move: Move): { readonly next: Rollout; readonly event: RolloutEvent } {
  const { from, does } = TRANSITIONS[move.kind];
  if (!from.includes(rollout.state))
    throw fail('ROLLOUT_STATE', { rollout: rollout.id, model: rollout.model, state: rollout.state, event: does });
  const revision = rollout.revision + 1;
  const slowMs = move.slowMs === undefined ? rollout.slowMs : move.slowMs;
  const next = { ...rollout, ...changeOf(rollout, move), revision, slowMs };
  return { next, event: eventOf(next, move) };
}

/** The event that a rollout makes. */
export function eventOf(
  next: Rollout,
  move: Pick<RolloutEvent, 'kind' | 'at' | 'by' | 'reason'> & { numbers?: unknown },
): RolloutEvent {
  const { kind, at, by, reason, numbers = null } = move;
  const { id, revision, state } = next;
  return { rollout: id, revision, kind, at, by, reason, state, percent: percentOf(next), numbers };
}

function changeOf(rollout: Rollout, { kind, at, by, reason }: Move): Partial<Rollout> {
  switch (kind) {
    case 'canaried':
      return { state: 'canary', step: 0, since: at, reason };
    case 'raised':
      return { step: rollout.step + 1, since: at, reason };
    case 'held': {
      const from = rollout.state === 'held' ? (rollout.held?.from ?? 'canary') : (rollout.state as 'shadow' | 'canary');
      return { state: 'held', held: { from, by: by === 'judge' ? 'judge' : 'operator' }, reason };
    }
    case 'released':
      return { state: rollout.held?.from ?? 'canary', held: null, reason };
    case 'promoted':
      return { state: 'soaking', held: null, since: at, reason };
    case 'rolledBack':
      return { state: 'rolledBack', held: null, since: at, endedAt: at, reason };
    case 'completed':
      return { state: 'completed', since: at, endedAt: at, reason };
    case 'tuned':
      return {};
    default:
      return kind satisfies never;
  }
}
