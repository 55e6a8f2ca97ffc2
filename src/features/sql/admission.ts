import type { AdmissionPlan } from '../plan/admission.ts';
import { ASKED, INGEST, LOG_OFFSET, PARTITION_NO } from '../plan/names.ts';
import type { Compiler } from './compile.ts';
import { bigint, selectList } from './text.ts';

/** Lateness is judged after the choice of the first delivery, never before: a redelivery of a refused event must not get in. */
export function admissionSql(plan: AdmissionPlan, compiler: Compiler): string {
  const { from, id, time, latenessMs, futureSkewMs } = plan;
  const within = reachSql(plan, compiler);
  const columns = Object.keys(from.stored);
  return `SELECT
  ${selectList(columns)}
FROM (
  SELECT
    ${columns.join(',\n    ')},
    ROW_NUMBER() OVER (PARTITION BY ${id} ORDER BY ${PARTITION_NO}, ${LOG_OFFSET}) AS delivery_no
  FROM ${compiler.step(from)}${within}
) AS d
WHERE delivery_no = 1
  AND ${time} - ${INGEST} <= ${bigint(futureSkewMs)}
  AND ${INGEST} - ${time} <= ${bigint(latenessMs)}`;
}

/**
 * Deliveries that can matter arrived from `futureSkew` before the first event in reach on, and as long before that as ids
 * are remembered, for earlier deliveries of the same id. There is no bound behind: the first delivery of an id in log order
 * may be stamped later than one that follows it, and still is the one that counts.
 */
function reachSql({ reach, latenessMs, futureSkewMs }: AdmissionPlan, compiler: Compiler): string {
  if (reach === null || reach.backMs === null) return '';
  const back = bigint(reach.backMs + latenessMs + 2 * futureSkewMs);
  return `\n  WHERE ${INGEST} >= (SELECT MIN(${ASKED}) FROM ${compiler.step(reach.spine)}) - ${back}`;
}
