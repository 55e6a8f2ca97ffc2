import type { AdmissionPlan } from '../plan/admission.ts';
import { ASKED, INGEST, JUDGED, LOG_OFFSET, PARTITION_NO } from '../plan/names.ts';
import type { Compiler } from './compile.ts';
import { bigint, selectList } from './text.ts';

/**
 * Which deliveries count was judged when they came, and their row says it; those without a verdict are ranked. Lateness is
 * judged before the choice of the first delivery: one that is late or from the future leaves its id free.
 */
export function admissionSql(plan: AdmissionPlan, compiler: Compiler): string {
  const { from, unjudged, id } = plan;
  const columns = Object.keys(from.stored).filter((name) => name !== JUDGED);
  return `SELECT
  ${selectList(columns)}
FROM ${compiler.step(from)}
WHERE ${JUDGED} = 'accepted'
  AND ${[...timeTests(plan), ...judgedReach(plan, compiler)].join('\n  AND ')}
UNION ALL
SELECT
  ${selectList(columns)}
FROM (
  SELECT
    ${columns.join(',\n    ')},
    ROW_NUMBER() OVER (PARTITION BY ${id} ORDER BY ${PARTITION_NO}, ${LOG_OFFSET}) AS delivery_no
  FROM ${compiler.step(unjudged)}
  WHERE ${[...timeTests(plan), ...unjudgedReach(plan, compiler)].join('\n    AND ')}
) AS d
WHERE delivery_no = 1`;
}

/** Neither late nor from the future. */
export function timeTests({ time, latenessMs, futureSkewMs }: AdmissionPlan): readonly string[] {
  return [`${time} - ${INGEST} <= ${bigint(futureSkewMs)}`, `${INGEST} - ${time} <= ${bigint(latenessMs)}`];
}

/** An accepted event in reach arrived from `futureSkew` before the first instant in reach on, and by `lateness` after the last. */
function judgedReach({ reach, latenessMs, futureSkewMs }: AdmissionPlan, compiler: Compiler): readonly string[] {
  if (reach === null) return [];
  const spine = compiler.step(reach.spine);
  const last = `${INGEST} <= (SELECT MAX(${ASKED}) FROM ${spine}) + ${bigint(latenessMs)}`;
  if (reach.backMs === null) return [last];
  return [`${INGEST} >= (SELECT MIN(${ASKED}) FROM ${spine}) - ${bigint(reach.backMs + futureSkewMs)}`, last];
}

/**
 * Of those without a verdict all can matter that arrived from `futureSkew` before the first event in reach on, and as long
 * before that as ids are remembered, for earlier deliveries of the same id. There is no bound behind: the first delivery of an id in log order
 * may be stamped later than one that follows it, and still is the one that counts.
 */
function unjudgedReach({ reach, latenessMs, futureSkewMs }: AdmissionPlan, compiler: Compiler): readonly string[] {
  if (reach === null || reach.backMs === null) return [];
  const back = bigint(reach.backMs + latenessMs + 2 * futureSkewMs);
  return [`${INGEST} >= (SELECT MIN(${ASKED}) FROM ${compiler.step(reach.spine)}) - ${back}`];
}
