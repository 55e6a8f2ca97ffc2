import { ANSWERED, FIRST_PREDICTION, predictionTable } from '../../serving/online/prediction-table.ts';
import { auc } from '../../stats/auc.ts';
import type { Headrace } from '../headrace.ts';
import { insideOf } from '../inside.ts';
import type { DecisionRow } from './decision-log.ts';
import type { JudgedWindow } from './judged-windows.ts';
import type { ReplayDeclaration } from './replay-declaration.ts';
import type { ReplayRows } from './replay-rows.ts';

/** The quality of a month of predictions. */
export interface MonthQuality {
  /** `2001-02`. */
  readonly month: string;
  readonly predictions: number;
  readonly labelled: number;
  /** Of a probability; null without both classes. */
  readonly auc: number | null;
  /** Mean squared error of a probability, mean absolute error of a number. */
  readonly loss: number;
  readonly meanScore: number;
  readonly meanLabel: number;
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
  readonly headrace: Headrace;
  readonly declared: ReplayDeclaration;
  readonly rows: ReplayRows;
  readonly windows: readonly JudgedWindow[];
  readonly log: readonly DecisionRow[];
  readonly first: number;
  readonly windowMs: number;
  readonly faults: readonly unknown[];
}): Promise<ReplaySummary> {
  const { headrace, declared, rows, windows, first, windowMs, faults } = of;
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
      why: lineage.decision ?? (version === 1 ? 'first' : 'injected'),
    })),
    champion,
    months: await monthsOf(of),
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
async function monthsOf({
  headrace,
  declared,
  rows,
}: {
  readonly headrace: Headrace;
  readonly declared: ReplayDeclaration;
  readonly rows: ReplayRows;
}): Promise<readonly MonthQuality[]> {
  const { offline } = insideOf(headrace).stores;
  const { label, task } = rows;
  const months = new Map<string, { predictions: number; scores: number[]; labels: number[] }>();
  const sql = `SELECT "id", score FROM ${offline.relation(predictionTable(declared.model))} WHERE ${ANSWERED}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION}) = 1`;
  for await (const batch of offline.query(sql))
    for (const [id, score] of batch) {
      const row = Number(String(id).slice(1));
      const name = new Date(rows.at[row]).toISOString().slice(0, 7);
      const month = months.get(name) ?? { predictions: 0, scores: [], labels: [] };
      months.set(name, month);
      month.predictions += 1;
      const value = label?.[row] ?? Number.NaN;
      if (Number.isNaN(value)) continue;
      month.scores.push(Number(score));
      month.labels.push(value);
    }
  return [...months]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([month, { predictions, scores, labels }]) => {
      const mean = (values: readonly number[]) =>
        values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
      return {
        month,
        predictions,
        labelled: labels.length,
        auc: task === 'binary' ? auc(scores, labels) : null,
        loss: mean(
          scores.map((score, i) => (task === 'binary' ? (score - labels[i]) ** 2 : Math.abs(score - labels[i]))),
        ),
        meanScore: mean(scores),
        meanLabel: mean(labels),
      };
    });
}
