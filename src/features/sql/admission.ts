import type { AdmissionPlan } from '../plan/admission.ts';
import { INGEST, LOG_OFFSET, PARTITION_NO } from '../plan/names.ts';
import type { Compiler } from './compile.ts';
import { bigint, selectList } from './text.ts';

/** Lateness is judged after the choice of the first delivery, never before: a redelivery of a refused event must not get in. */
export function admissionSql({ from, id, time, latenessMs, futureSkewMs }: AdmissionPlan, compiler: Compiler): string {
  const columns = Object.keys(from.stored);
  return `SELECT
  ${selectList(columns)}
FROM (
  SELECT
    ${columns.join(',\n    ')},
    ROW_NUMBER() OVER (PARTITION BY ${id} ORDER BY ${PARTITION_NO}, ${LOG_OFFSET}) AS delivery_no
  FROM ${compiler.step(from)}
) AS d
WHERE delivery_no = 1
  AND ${time} - ${INGEST} <= ${bigint(futureSkewMs)}
  AND ${INGEST} - ${time} <= ${bigint(latenessMs)}`;
}
