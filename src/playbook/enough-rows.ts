import type { Span } from '../ports/playbook-store.ts';
import type { Situation } from './decision.ts';

/** A training that lacked rows is tried again after this share of the cooldown at the earliest. */
const AGAIN_AFTER = 0.1;

/**
 * Whether a training over a span has the labelled rows that it needs, as far as is known: by the count of the last training for
 * the cause that lacked rows, and by the windows of the concept monitor. Where nothing is known, the training itself counts.
 */
export function hasEnoughRows(situation: Situation, cause: string, { from, to }: Span): boolean {
  const { plan, state, now } = situation;
  if (plan.retrain === null) return false;
  const { rows: least, cooldownMs } = plan.retrain;
  if (to <= from) return false;
  const last = state.past.findLast((one) => one.cause === cause);
  const lacked = last?.lacked;
  if (last === undefined || lacked === undefined) return (labelledWithin(situation, { from, to }) ?? least) >= least;
  if (now - last.at < AGAIN_AFTER * cooldownMs) return false;
  const since = labelledWithin(situation, { from: Math.max(from, lacked.to), to });
  return since === null || lacked.rows === null || lacked.rows + since >= least;
}

/**
 * Labelled rows of a span, by the windows that the concept monitor saw. The time before the first window is taken to have as many
 * rows as they have on average. Null: the windows show none.
 */
function labelledWithin({ observed }: Situation, { from, to }: Span): number | null {
  const windows = observed.monitors.find(({ kind }) => kind === 'conceptDrift')?.windows ?? [];
  const rows = windows.reduce((sum, window) => sum + window.rows, 0);
  if (rows === 0) return null;
  const covered = windows.reduce((sum, window) => sum + window.to - window.from, 0);
  const before = Math.max(0, Math.min(to, windows[0].from) - from);
  return windows.reduce(
    (sum, window) => {
      const shared = Math.max(0, Math.min(to, window.to) - Math.max(from, window.from));
      return sum + (window.rows * shared) / (window.to - window.from);
    },
    (before * rows) / covered,
  );
}
