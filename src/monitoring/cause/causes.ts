import type { AliasMove } from '../../ports/model-registry.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { PlaybookEntry } from '../../ports/playbook-store.ts';
import type { RolloutEvent } from '../../ports/rollout-store.ts';
import type { Comparison } from '../detect/comparison.ts';
import { compareWindow } from '../monitor/compare-window.ts';
import { monitorsOf, type Span, type Watched } from '../monitor/judge-windows.ts';
import { servedSpan } from '../monitor/window-profiles.ts';
import { type FeatureOrigin, featureOrigins } from './feature-origins.ts';
import { type LossChangeShares, lossShares } from './loss-shares.ts';
import { type TimeLineEntry, timeLine } from './time-line.ts';
import { readRows } from './window-rows.ts';

/** A feature of a window: how far it moved, its part in the change of the loss, and where it comes from. */
export interface FeatureCause extends FeatureOrigin {
  readonly state: string;
  readonly debiasedPsi: number | null;
  readonly explained: number | null;
  /** Of the change of the loss; null: not known, or the loss did not change. */
  readonly lossShare: number | null;
  /** Share of the reference's rows without a like in the window. */
  readonly lacking: number | null;
}

/** Possible causes of the change of a window. Instants are epoch ms. */
export interface CauseReport {
  readonly version: 1;
  readonly model: string;
  readonly modelVersion: number;
  readonly from: number;
  readonly to: number;
  /** The labelled predictions that losses are compared with. */
  readonly reference: Span;
  /** Null: too few labelled rows on a side. */
  readonly loss: Omit<LossChangeShares, 'features'> | null;
  /** The largest part in the loss first; without losses the largest move. */
  readonly features: readonly FeatureCause[];
  /** From a day before the span to its end. */
  readonly timeLine: readonly TimeLineEntry[];
}

export interface CauseOptions {
  readonly watched: Watched;
  readonly history: OfflineStore;
  readonly span: Span;
  readonly now: number;
  readonly moves: readonly AliasMove[];
  readonly rollouts: readonly RolloutEvent[];
  readonly journal: readonly PlaybookEntry[];
  /** The comparison of the window, where it is known already. */
  readonly comparison?: Comparison | null;
}

const DAY_MS = 86_400_000;

/** The windows of a version whose losses are the reference: its first ones. */
const REFERENCE_WINDOWS = 10;

/** Weighs the causes of a change in a window of a model: by feature, and on one time line. */
export async function causesOf(options: CauseOptions): Promise<CauseReport> {
  const { watched, history, span, now, moves, rollouts, journal } = options;
  const changes = { moves, rollouts, journal };
  const { model, version } = watched;
  const comparison = options.comparison === undefined ? await comparisonOf(options) : options.comparison;
  const reference = await referenceSpan(options);
  const rows = (of: Span) => readRows(history, { model, version, span: of, now, labelled: true });
  const shares = lossShares(await rows(reference), await rows(span));
  const origins = await featureOrigins(model, history, span.to);
  const compared = new Map(comparison?.features.map((feature) => [feature.name, feature]));
  const parts = new Map(shares?.features.map((one) => [one.feature, one]));
  const features = origins.map((origin): FeatureCause => {
    const [found, part] = [compared.get(origin.feature), parts.get(origin.feature)];
    return {
      ...origin,
      state: found?.state ?? 'excluded',
      debiasedPsi: found?.effect?.debiasedPsi ?? null,
      explained: part?.explained ?? null,
      lossShare: part?.share ?? null,
      lacking: part?.lacking ?? null,
    };
  });
  features.sort((a, b) => (b.lossShare ?? -1) - (a.lossShare ?? -1) || (b.debiasedPsi ?? -1) - (a.debiasedPsi ?? -1));
  return {
    version: 1,
    model: model.name,
    modelVersion: version,
    ...span,
    reference,
    loss: shares === null ? null : { rows: shares.rows, loss: shares.loss, unexplained: shares.unexplained },
    features,
    timeLine: await timeLine({ model, history, ...changes, span: { from: span.from - DAY_MS, to: span.to } }),
  };
}

function comparisonOf({ watched, history, span }: CauseOptions): Promise<Comparison> | null {
  const { model, reference } = watched;
  const monitor = monitorsOf(model).find(({ kind }) => kind === 'featureDrift');
  if (reference === null) return null;
  const asked = monitor ?? { features: [], rule: 'default', windowMs: span.to - span.from, k: 2, of: 3 };
  return compareWindow(model, reference, asked, history, span);
}

/** The first windows of the version, and never the window itself. */
async function referenceSpan({ watched, history, span }: CauseOptions): Promise<Span> {
  const { model, version } = watched;
  const windowMs = monitorsOf(model).find(({ kind }) => kind === 'conceptDrift')?.windowMs ?? span.to - span.from;
  const served = await servedSpan(history, model, version);
  const from = Math.min(served?.from ?? span.from, span.from);
  return { from, to: Math.min(span.from, from + REFERENCE_WINDOWS * windowMs) };
}
