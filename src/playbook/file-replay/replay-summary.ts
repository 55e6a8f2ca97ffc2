import { auc } from '../../stats/auc.ts';
import type { DecisionRow } from './decision-log.ts';
import type { JudgedWindow } from './judged-windows.ts';
import type { ReplayDeclaration } from './replay-declaration.ts';
import type { ReplayPredictions } from './replay-predictions.ts';
import type { ReplayRows } from './replay-rows.ts';
import type { ReplayedProject } from './replayed-project.ts';

/** The quality of a month of predictions. */
export interface MonthQuality {
  /** `2001-02`. */
  readonly month: string;
  readonly predictions: number;
  readonly labelled: number;
  /** Of a probability; null without both classes. */
  readonly auc: number | null;
  /** Mean squared error of a probability, mean absolute error of a number. Null, as the means, without a label. */
  readonly loss: number | null;
  readonly meanScore: number | null;
  readonly meanLabel: number | null;
}

export interface ReplaySummary {
  readonly rows: number;
  readonly first: number;
  readonly from: number;
  readonly to: number;
  readonly windowMs: number;
  readonly versions: readonly {
    readonly version: number;
    readonly at: number;
    readonly rows: number;
    /** Its training set: requests from here on, and before there, epoch ms. */
    readonly from: number | null;
    readonly until: number | null;
    readonly why: string;
  }[];
  readonly champion: number | null;
  readonly months: readonly MonthQuality[];
  /** Incidents by severity: a page calls a person at once. */
  readonly incidents: Readonly<Record<'page' | 'ticket' | 'digest', number>>;
  /** Windows in which at least one feature is beyond the rule: as many pages, where the rule pages. */
  readonly naive: { readonly windows: number; readonly psi: number; readonly ks: number };
  /** Whether the same decisions follow from the journal. */
  readonly replayDiffers: number;
  /** Failures outside of a call. */
  readonly faults: readonly string[];
}

export async function replaySummary(of: {
  readonly replayed: ReplayedProject;
  readonly declared: ReplayDeclaration;
  readonly rows: ReplayRows;
  readonly windows: readonly JudgedWindow[];
  readonly predictions: ReplayPredictions;
  readonly log: readonly DecisionRow[];
  readonly first: number;
  readonly windowMs: number;
  readonly faults: readonly unknown[];
}): Promise<ReplaySummary> {
  const { replayed, declared, rows, windows, predictions, first, windowMs, faults } = of;
  const { headrace } = replayed;
  const { versions, champion } = await headrace.versions(declared.model);
  const entries = await headrace.playbook(declared.model).journal.entries();
  const opened = entries.flatMap((entry) =>
    entry.kind === 'decided' && entry.action.do === 'openIncident' ? [entry.action.incident] : [],
  );
  const count = (severity: string) => opened.filter((one) => one.severity === severity).length;
  const judged = windows.flatMap(({ naive }) => (naive === null ? [] : [naive]));
  const { different } = await headrace.replayPlaybook(declared.model, { history: false });
  return {
    rows: rows.count,
    first,
    from: rows.at[0],
    to: rows.at[rows.count - 1],
    windowMs,
    versions: versions.map(({ version, createdAt, lineage }) => ({
      version,
      at: createdAt,
      rows: lineage.trainingSet.rows,
      from: lineage.trainingSet.from,
      until: lineage.trainingSet.to,
      why: lineage.decision ?? (version === 1 ? 'first' : 'injected'),
    })),
    champion,
    months: monthsOf(rows.task, predictions),
    incidents: { page: count('page'), ticket: count('ticket'), digest: count('digest') },
    naive: {
      windows: judged.length,
      psi: judged.filter(({ psi }) => psi.length > 0).length,
      ks: judged.filter(({ ks }) => ks.length > 0).length,
    },
    replayDiffers: different.length,
    faults: faults.map(String),
  };
}

/** By the scores that were answered, against the labels of the file: all of them have come. */
function monthsOf(task: ReplayRows['task'], { at, scores, labels }: ReplayPredictions): readonly MonthQuality[] {
  const months = new Map<string, { predictions: number; given: number[]; scores: number[]; labels: number[] }>();
  for (const [i, time] of at.entries()) {
    const name = new Date(time).toISOString().slice(0, 7);
    const month = months.get(name) ?? { predictions: 0, given: [], scores: [], labels: [] };
    months.set(name, month);
    month.predictions += 1;
    const [score, label] = [scores[i], labels[i]];
    if (score === null) continue;
    month.given.push(score);
    if (label === null) continue;
    month.scores.push(score);
    month.labels.push(label);
  }
  return [...months]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([month, { predictions, given, scores: answered, labels: known }]) => {
      const loss = (score: number, i: number) =>
        task === 'binary' ? (score - known[i]) ** 2 : Math.abs(score - known[i]);
      return {
        month,
        predictions,
        labelled: known.length,
        auc: task === 'binary' ? auc(answered, known) : null,
        loss: mean(answered.map(loss)),
        meanScore: mean(given),
        meanLabel: mean(known),
      };
    });
}

/** Null without a value. */
function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
