import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { readRows, type WindowRows } from '../cause/window-rows.ts';
import { type FittedEstimate, fitEstimate, realisedMetrics } from './fit-estimate.ts';
import { type EstimateTrust, trustInEstimate } from './trust-in-estimate.ts';
import { assumptionsOf, CHUNK_ROWS, inOrder } from './window-estimate.ts';

type Metrics = Readonly<Record<string, number | null>>;

/** The quality of one window twice: as it was estimated before its labels, and as its labels show it. Instants are epoch ms. */
export interface QualityWindow {
  readonly from: number;
  readonly to: number;
  readonly predictions: number;
  readonly labelled: number;
  /** Null: nothing can be said, for the reasons of `trust`. */
  readonly estimated: Metrics | null;
  /** Of the labelled predictions; null without one. */
  readonly realised: Metrics | null;
  readonly trust: EstimateTrust;
}

/** The windows of a span, and the limits of each metric between chunks of the labelled rows before it. */
export interface QualityWindows {
  readonly windows: readonly QualityWindow[];
  readonly limits: FittedEstimate['limits'] | null;
}

/** Windows of a span: each reads its rows. */
const WINDOWS = 12;

/**
 * Divides a span, and gives the quality of each part by an estimate that is fitted on the labelled predictions before the span, next to
 * the quality that its own labels show. A part without rows is left out of neither: its values are null.
 */
export async function qualityWindows(
  model: ModelData,
  history: Pick<OfflineStore, 'query' | 'relation'>,
  version: number,
  span: { readonly from: number; readonly to: number },
  now: number,
): Promise<QualityWindows> {
  const of = { model, version, now };
  const known = inOrder(await readRows(history, { ...of, span: { from: 0, to: span.from }, labelled: true }));
  const fitted = known.scores.length === 0 ? null : fitEstimate(model.task, known, CHUNK_ROWS);
  const windows: QualityWindow[] = [];
  for (const part of partsOf(span)) {
    const rows = await readRows(history, { ...of, span: part, labelled: false });
    windows.push({ ...part, ...qualityOf(model, rows, { known, fitted, at: part.to }) });
  }
  return { windows, limits: fitted?.limits ?? null };
}

function partsOf({ from, to }: { readonly from: number; readonly to: number }) {
  const edge = (i: number) => from + Math.floor(((to - from) * i) / WINDOWS);
  return Array.from({ length: WINDOWS }, (_, i) => ({ from: edge(i), to: edge(i + 1) })).filter(
    (part) => part.to > part.from,
  );
}

interface Fitted {
  readonly known: WindowRows;
  readonly fitted: FittedEstimate | null;
  readonly at: number;
}

function qualityOf(
  { task, label }: ModelData,
  rows: WindowRows,
  { known, fitted, at }: Fitted,
): Omit<QualityWindow, 'from' | 'to'> {
  const labelled = withLabels(rows);
  const trust = trustInEstimate(assumptionsOf(known, rows, { lookBackMs: label.withinMs, at }));
  const canTell = trust.state === 'estimate' && rows.scores.length > 0;
  return {
    predictions: rows.scores.length,
    labelled: labelled.scores.length,
    estimated: canTell ? (fitted?.estimate(rows) ?? null) : null,
    realised: labelled.scores.length === 0 ? null : realisedMetrics(task, labelled),
    trust,
  };
}

/** The scores and labels of the rows whose label is known. */
function withLabels({ scores, labels }: WindowRows): { readonly scores: Float64Array; readonly labels: Float64Array } {
  const isKnown = (_: number, i: number) => !Number.isNaN(labels[i]);
  return { scores: scores.filter(isKnown), labels: labels.filter(isKnown) };
}
