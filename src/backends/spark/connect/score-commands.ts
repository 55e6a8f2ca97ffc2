import { join } from 'node:path';
import type { SparkJob } from '../job.ts';
import { filesOf, rowsOf, viewOf, writtenTo } from './plans.ts';
import type { Fields } from './protobuf.ts';
import { scoredRelation } from './python-function.ts';
import { cellsSql, fileSql, rejectedSql, rowsSql, SCORE_SLICE, scoredSql } from './score-sql.ts';
import { columnKinds, withScores } from './spark-types.ts';

/** The view of the scored rows. */
const SCORED = 'headrace_scored';

/**
 * The commands of a job that scores. The scored rows are written before they are split, because a score may cost more than a file.
 * `typed` gives the type of the rows of an SQL text. Errors: PREDICT_COLUMN, PREDICT_TYPE, those of `typed`.
 */
export async function scoreCommands(
  scores: NonNullable<SparkJob['scores']>,
  python: string,
  typed: (sql: string) => Promise<Buffer>,
): Promise<readonly Fields[]> {
  const sql = cellsSql(scores, columnKinds(await typed(fileSql(scores))));
  const outputType = withScores(await typed(scoredSql(scores)));
  const at = (name: string) => join(scores.path, name);
  const format = 'parquet' as const;
  return [
    writtenTo(at('scored'), scoredRelation(rowsOf(sql), { job: scores, python, outputType }), { format }),
    viewOf(SCORED, filesOf('parquet', [at('scored')])),
    writtenTo(at('rows'), rowsOf(rowsSql(scores, SCORED)), { format, partitionedBy: [SCORE_SLICE] }),
    writtenTo(at('rejected'), rowsOf(rejectedSql(SCORED)), { format }),
  ];
}
