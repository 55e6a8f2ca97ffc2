import type { LabelSpec } from '../features/define/declaration.ts';

/** The members of a declared label that say how long it is waited for. */
export type AwaitedLabel = Pick<LabelSpec, 'withinMs'> & { readonly from: Pick<LabelSpec['from'], 'latenessMs'> };

/**
 * The label of a prediction at an instant. came: its event came in time. pending: none came, and one can still come. assumed:
 * none can come any more, and the declared `otherwise` stands for it. unlabelled: none can come any more.
 */
export type LabelState = 'came' | 'pending' | 'assumed' | 'unlabelled';

/** Predictions by the state of their labels: `predictions = labelled + pending + unlabelled`. */
export interface LabelCounts {
  readonly predictions: number;
  /** Predictions with a label, those with an assumed one among them. */
  readonly labelled: number;
  readonly assumed: number;
  readonly pending: number;
  readonly unlabelled: number;
}

/** How long after its instant a prediction waits for its label, ms: the time of the label, and how late its event may arrive. */
export function awaitedMs({ withinMs, from }: AwaitedLabel): number {
  return withinMs + from.latenessMs;
}

/** The first instant whose predictions can still get a label at `now`: all before it have had their time. */
export function settledBefore(label: AwaitedLabel, now: number): number {
  return now - awaitedMs(label);
}

/** Whether a prediction that has no label at `now` can still get one. */
function isAwaited(label: AwaitedLabel, at: number, now: number): boolean {
  return at >= settledBefore(label, now);
}

/** Whether a prediction that has no label at `now` can still get one, as SQL of an expression of its instant. */
export function isAwaitedSql(label: AwaitedLabel, at: string, now: number): string {
  const first = settledBefore(label, now);
  if (!Number.isFinite(first)) return first > 0 ? 'FALSE' : 'TRUE';
  return `${at} >= CAST(${Math.ceil(first)} AS BIGINT)`;
}

/** The state of a prediction's label at `now`. `came`: its event came by then. */
export function labelState(
  label: AwaitedLabel & Pick<LabelSpec, 'otherwise'>,
  { at, came }: { readonly at: number; readonly came: boolean },
  now: number,
): LabelState {
  if (came) return 'came';
  if (isAwaited(label, at, now)) return 'pending';
  return label.otherwise === null ? 'unlabelled' : 'assumed';
}

/** Counts of nothing yet. */
export const NO_LABELS: LabelCounts = { predictions: 0, labelled: 0, assumed: 0, pending: 0, unlabelled: 0 };

/** The counts with one more prediction. */
export function withLabel(counts: LabelCounts, state: LabelState): LabelCounts {
  const { predictions, labelled, assumed, pending, unlabelled } = counts;
  return {
    predictions: predictions + 1,
    labelled: labelled + (state === 'came' || state === 'assumed' ? 1 : 0),
    assumed: assumed + (state === 'assumed' ? 1 : 0),
    pending: pending + (state === 'pending' ? 1 : 0),
    unlabelled: unlabelled + (state === 'unlabelled' ? 1 : 0),
  };
}

/** The counts in words: what quality, monitors and reports print. */
export function labelCountsText({ predictions, labelled, assumed, pending, unlabelled }: LabelCounts): string {
  const share = predictions === 0 ? 0 : (labelled / predictions) * 100;
  const parts = [
    `${labelled} of ${predictions} predictions labelled (${share.toFixed(1)} %)`,
    ...(assumed === 0 ? [] : [`${assumed} of them assumed`]),
    `${pending} pending`,
    ...(unlabelled === 0 ? [] : [`${unlabelled} without a label`]),
  ];
  return parts.join(', ');
}
