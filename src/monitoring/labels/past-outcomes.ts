import type { ModelData } from '../../features/define/declaration.ts';
import { compileExpression } from '../../features/expression/compile.ts';
import { INGEST_TS, OFFSET, PARTITION, rawTable, VERDICT } from '../../features/plan/raw-table.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import { acceptedEventsQuery } from '../../features/sql/event-queries.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import { labelNumber } from '../../registry/labels.ts';
import { ANSWERED, predictionTable } from '../../serving/online/prediction-table.ts';

/** A prediction or a label of the history, and when it came, epoch ms. */
export type PastOutcome =
  | {
      readonly kind: 'prediction';
      readonly came: number;
      readonly id: string;
      readonly at: number;
      readonly version: number;
      readonly score: number;
    }
  | {
      readonly kind: 'label';
      readonly came: number;
      readonly id: string;
      readonly time: number;
      readonly label: number;
    };

/** The first offsets, by partition, of predictions and labels that are not joined. */
export interface PastPlaces {
  readonly predictions: readonly number[];
  readonly labels: readonly number[];
}

export interface PastSpan {
  /** The earliest instants of a prediction and of a label, epoch ms. */
  readonly predictionsFrom: number;
  readonly labelsFrom: number;
  /** Rows before these places are left out; null: none. */
  readonly after: PastPlaces | null;
  /** Rows from these places on are left out: they are joined as they come. */
  readonly to: PastPlaces;
}

/** Columns of the query before those of the label's source. */
const OUTCOME_COLUMNS = 6;

/** The predictions and labels of a model from some instants on, from the history, in the order in which they came. */
export async function* pastOutcomes(
  model: ModelData,
  offline: OfflineStore,
  span: PastSpan,
): AsyncGenerator<readonly PastOutcome[]> {
  const { columns } = model.label.from;
  const names = Object.keys(columns);
  const decoders = Object.values(columns).map(valueDecoder);
  const labelOf = compileExpression(model.label.value, columns);
  const [idAt, timeAt] = [names.indexOf(model.label.id), names.indexOf(model.label.from.time)];
  const outcomeOf = (row: readonly OfflineValue[]): readonly PastOutcome[] => {
    const came = Number(row[0]);
    if (row[1] === 0) {
      const [, , id, at, version, score] = row;
      return [
        { kind: 'prediction', came, id: String(id), at: Number(at), version: Number(version), score: Number(score) },
      ];
    }
    const values = decoders.map((decode, i) => decode(row[OUTCOME_COLUMNS + i]));
    const label = labelNumber(labelOf(values));
    const id = values[idAt];
    if (label === null || typeof id !== 'string') return [];
    return [{ kind: 'label', came, id, time: Number(values[timeAt]), label }];
  };
  for await (const rows of offline.query(outcomesSql(model, offline, span))) yield rows.flatMap(outcomeOf);
}

/** Labels are those that were accepted when they came; of deliveries from before verdicts were kept, those that would be. */
function outcomesSql({ name, label: { from: source, id } }: ModelData, offline: OfflineStore, span: PastSpan): string {
  const columns = Object.keys(source.columns).map((column) => `"${column}"`);
  const raw = offline.relation(rawTable(source));
  const known = between([PARTITION, OFFSET], span.after?.labels ?? null, span.to.labels);
  // Rows from before predictions were logged have no place.
  const predicted =
    span.after === null
      ? 'TRUE'
      : between(['log_partition', 'log_offset'], span.after.predictions, span.to.predictions);
  const unjudged = acceptedEventsQuery(
    source,
    `(SELECT * FROM ${raw} AS r WHERE ${VERDICT} IS NULL AND ${known})`,
    duckdb,
  );
  const labels = (place: string) =>
    `SELECT ${INGEST_TS}, 1::INTEGER, "${id}", "${source.time}", NULL, NULL, ${columns.join(', ')}, ${place}`;
  const since = `"${source.time}" >= CAST(${span.labelsFrom} AS BIGINT)`;
  return `
    SELECT COALESCE(served_at, "at") AS came, 0::INTEGER AS kind, "id" AS of_id, "at" AS of_at, "version" AS of_version,
      score AS of_score, ${columns.map((_, i) => `NULL AS l_${i}`).join(', ')}, log_partition AS part, log_offset AS place
    FROM ${offline.relation(predictionTable({ name }))} AS p
      WHERE ${ANSWERED} AND ${predicted} AND "at" >= CAST(${span.predictionsFrom} AS BIGINT)
    UNION ALL
    ${labels(`${PARTITION}, ${OFFSET}`)} FROM ${raw} AS j WHERE ${VERDICT} = 'accepted' AND ${known} AND ${since}
    UNION ALL
    ${labels('NULL, NULL')} FROM (${unjudged}) AS u WHERE ${since}
    ORDER BY came, kind, part, place, of_at, of_id`;
}

/** SQL of the rows between two places of a topic. */
function between(
  [partition, offset]: readonly [string, string],
  after: readonly number[] | null,
  to: readonly number[],
): string {
  const parts = to.map((end, i) => `(${partition} = ${i} AND ${offset} >= ${after?.[i] ?? 0} AND ${offset} < ${end})`);
  return `(${['FALSE', ...parts].join(' OR ')})`;
}
