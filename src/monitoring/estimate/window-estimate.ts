import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { readRows, type WindowRows } from '../cause/window-rows.ts';
import { sideOfValues } from '../detect/column-side.ts';
import { kindOf } from '../detect/feature-kind.ts';
import { referenceBins } from '../detect/reference-bins.ts';
import { DomainSample } from '../detect/root-cause.ts';
import { fitEstimate } from './fit-estimate.ts';
import { type ProxyReport, proxyReports } from './proxies.ts';
import { type EstimateAssumptions, type EstimateTrust, trustInEstimate } from './trust-in-estimate.ts';

/** The quality of a window before its labels, with all that it rests on. */
export interface WindowEstimate {
  /** Metrics by confidence-based estimation, of a number by direct loss estimation; null: nothing can be said. */
  readonly metrics: Readonly<Record<string, number | null>> | null;
  readonly trust: EstimateTrust;
  readonly assumptions: EstimateAssumptions;
  /** The declared proxies, measured. */
  readonly proxies: readonly ProxyReport[];
}

/** Labelled rows in a chunk of the limits. */
export const CHUNK_ROWS = 500;

/** Estimates a window of a version from its labelled predictions before it. */
export async function estimateWindow(
  model: ModelData,
  history: Pick<OfflineStore, 'query' | 'relation'>,
  version: number,
  span: { readonly from: number; readonly to: number },
  now: number,
): Promise<WindowEstimate> {
  const of = { model, version, now };
  const known = await readRows(history, { ...of, span: { from: 0, to: span.from }, labelled: true });
  const window = await readRows(history, { ...of, span, labelled: false });
  const assumptions = assumptionsOf(known, window, { lookBackMs: model.label.withinMs, at: now });
  const trust = trustInEstimate(assumptions);
  const canTell = trust.state === 'estimate' && window.scores.length > 0;
  return {
    metrics: canTell ? fitEstimate(model.task, inOrder(known), CHUNK_ROWS).estimate(window) : null,
    trust,
    assumptions,
    proxies: await proxyReports(model, history, version, span, now),
  };
}

/** The assumptions of an estimate of a window, as of an instant. */
export function assumptionsOf(
  known: WindowRows,
  window: WindowRows,
  { lookBackMs, at }: { readonly lookBackMs: number; readonly at: number },
): EstimateAssumptions {
  const { outsideShare, domainAuc } = differenceOf(known, window);
  const labelled = Math.max(newestLabelled(known), newestLabelled(window));
  return {
    calibrationRows: known.losses.length,
    outsideShare,
    domainAuc,
    lastLabelAgeMs: Number.isFinite(labelled) ? at - labelled : null,
    lookBackMs,
  };
}

/** Rows in the order of their instants: chunks of them then are spans of time. */
export function inOrder({ features, at, scores, labels, losses }: WindowRows): WindowRows {
  const order = Uint32Array.from(at, (_, i) => i).sort((a, b) => at[a] - at[b] || a - b);
  const pick = (values: Float64Array) => Float64Array.from(order, (i) => values[i]);
  return {
    features: new Map(
      [...features].map(([name, values]) => [
        name,
        values instanceof Float64Array ? pick(values) : Array.from(order, (i) => values[i]),
      ]),
    ),
    at: pick(at),
    scores: pick(scores),
    labels: pick(labels),
    losses: pick(losses),
  };
}

function newestLabelled({ labels, at }: WindowRows): number {
  return labels.reduce(
    (most, label, i) => (Number.isNaN(label) ? most : Math.max(most, at[i])),
    Number.NEGATIVE_INFINITY,
  );
}

/** How far a window is from the rows that an estimate was fitted on. */
function differenceOf(
  known: WindowRows,
  window: WindowRows,
): { readonly outsideShare: number; readonly domainAuc: number | null } {
  const [n, m] = [known.losses.length, window.losses.length];
  if (n === 0 || m === 0) return { outsideShare: 0, domainAuc: null };
  const sample = new DomainSample(n, m);
  const outside = new Uint8Array(m);
  for (const [name, values] of known.features) {
    const other = window.features.get(name);
    const side = sideOfValues(values);
    const kind = kindOf(side);
    if (other === undefined || kind === 'identifier' || kind === 'empty') continue;
    sample.add(name, referenceBins(side, kind), values, other);
    const { least, greatest } = side;
    if (least === null || greatest === null) continue;
    // The ends of a sample are not the ends of the world: a tenth beyond them is still inside.
    const slack = (greatest - least) * 0.1;
    for (let i = 0; i < m; i += 1) {
      const value = Number(other[i] ?? Number.NaN);
      if (value < least - slack || value > greatest + slack) outside[i] = 1;
    }
  }
  const outsideShare = outside.reduce((sum, one) => sum + one, 0) / m;
  return { outsideShare, domainAuc: sample.classify()?.auc ?? null };
}
