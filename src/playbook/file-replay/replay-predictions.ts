import { ANSWERED, FIRST_PREDICTION, predictionTable } from '../../serving/online/prediction-table.ts';
import type { ReplayDeclaration } from './replay-declaration.ts';
import type { ReplayRows } from './replay-rows.ts';
import type { ReplayedProject } from './replayed-project.ts';

/** Predictions that were answered, in the order of time: one a row, column by column. */
export interface ReplayPredictions {
  /** Instants of the rows, epoch ms. */
  readonly at: readonly number[];
  readonly versions: readonly number[];
  /** Null: a file without scores and labels has no model. */
  readonly scores: readonly (number | null)[];
  /** Null: none ever comes. */
  readonly labels: readonly (number | null)[];
}

/** The first answer of each row, from the prediction log. */
export async function replayPredictions(
  { stores }: Pick<ReplayedProject, 'stores'>,
  { model }: ReplayDeclaration,
  rows: ReplayRows,
): Promise<ReplayPredictions> {
  const { offline } = stores;
  const [at, versions]: [number[], number[]] = [[], []];
  const [scores, labels]: [(number | null)[], (number | null)[]] = [[], []];
  const hasModel = rows.score !== null || rows.label !== null;
  const sql = `SELECT CAST(substr("id", 2) AS INTEGER) AS "row", "version", score FROM ${offline.relation(predictionTable(model))}
    WHERE ${ANSWERED} QUALIFY ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION}) = 1 ORDER BY "row"`;
  for await (const batch of offline.query(sql))
    for (const [row, version, score] of batch) {
      const label = rows.label?.[Number(row)] ?? Number.NaN;
      at.push(rows.at[Number(row)]);
      versions.push(Number(version));
      scores.push(hasModel ? Number(score) : null);
      labels.push(Number.isNaN(label) ? null : label);
    }
  return { at, versions, scores, labels };
}

/** The lines of predictions.csv; an empty cell: none. */
export function predictionLines({ at, versions, scores, labels }: ReplayPredictions): readonly string[] {
  return [
    'time,version,score,label',
    ...at.map((time, i) => `${new Date(time).toISOString()},${versions[i]},${scores[i] ?? ''},${labels[i] ?? ''}`),
  ];
}
