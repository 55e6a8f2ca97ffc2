import type { AliasMove } from '../../ports/model-registry.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { PlaybookEntry } from '../../ports/playbook-store.ts';
import type { RolloutEvent } from '../../ports/rollout-store.ts';
import { type CauseReport, causesOf } from '../cause/causes.ts';
import { logLines } from '../cause/decision-text.ts';
import { readRows } from '../cause/window-rows.ts';
import type { Comparison } from '../detect/comparison.ts';
import { type FoundSlices, findSlices } from '../detect/find-slices.ts';
import { type CoverageReport, coverageOf } from '../estimate/window-coverage.ts';
import { estimateWindow, type WindowEstimate } from '../estimate/window-estimate.ts';
import { compareWindow } from '../monitor/compare-window.ts';
import { judgeMonitor, type MonitorStatus, monitorsOf, type Span, type Watched } from '../monitor/judge-windows.ts';

/** One window of a model in one report: all that its pages show. Instants are epoch ms. */
export interface WindowReport {
  readonly version: 1;
  readonly model: string;
  readonly modelVersion: number;
  readonly from: number;
  readonly to: number;
  readonly at: number;
  /** Features against the training set; null: the version has no reference. */
  readonly comparison: Comparison | null;
  /** The windows until the end of this one, by monitor. */
  readonly series: readonly MonitorStatus[];
  readonly coverage: CoverageReport;
  /** Before the labels: the estimate, its assumptions, and the proxies next to it. */
  readonly estimate: WindowEstimate;
  /** The worst slices of the labelled rows; null: too few of them. */
  readonly slices: FoundSlices | null;
  readonly causes: CauseReport;
  /** Lines of the playbook's log, the newest last: a window is answered after its end. */
  readonly decisions: readonly string[];
}

export interface WindowReportOptions {
  readonly watched: Watched;
  readonly history: OfflineStore;
  readonly span: Span;
  readonly now: number;
  readonly moves: readonly AliasMove[];
  /** Events of the rollouts of the model. */
  readonly rollouts: readonly RolloutEvent[];
  readonly journal: readonly PlaybookEntry[];
}

/** Windows of a series. */
const SERIES = 24;

/** Decisions that a report has. */
const MOST_DECISIONS = 200;

/** Labelled rows below which no slice is looked for. */
const LEAST_ROWS = 100;

/** Reports one window of a model, from the published history. */
export async function windowReport(options: WindowReportOptions): Promise<WindowReport> {
  const { watched, history, span, now, journal } = options;
  const { model, version, reference } = watched;
  const monitors = monitorsOf(model);
  const features = monitors.find(({ kind }) => kind === 'featureDrift');
  const asked = features ?? { features: [], rule: 'default', windowMs: span.to - span.from, k: 2, of: 3 };
  const comparison = reference === null ? null : await compareWindow(model, reference, asked, history, span);
  const series: MonitorStatus[] = [];
  for (const monitor of monitors) {
    const { windowMs } = monitor;
    const spans = Array.from({ length: SERIES }, (_, i) => {
      const to = span.to - (SERIES - 1 - i) * windowMs;
      return { from: to - windowMs, to };
    });
    series.push(await judgeMonitor(watched, monitor, history, spans, { now }));
  }
  const { features: columns, losses } = await readRows(history, { model, version, span, now, labelled: true });
  return {
    version: 1,
    model: model.name,
    modelVersion: version,
    ...span,
    at: now,
    comparison,
    series,
    coverage: await coverageOf(model, history, version, span, now),
    estimate: await estimateWindow(model, history, version, span, now),
    slices: losses.length < LEAST_ROWS ? null : findSlices(columns, losses),
    causes: await causesOf({ ...options, comparison }),
    decisions: logLines(journal.filter(({ at }) => at <= now)).slice(-MOST_DECISIONS),
  };
}
