import { INGEST, JUDGED, LOG_OFFSET, PARTITION_NO } from '../plan/names.ts';
import { timeTests } from './admission.ts';
import type { Writers } from './compile.ts';
import type { Dialect } from './dialect.ts';
import { scanSql } from './scan.ts';
import { standard } from './standard.ts';
import { selectList } from './text.ts';
import { wholeTilesSql } from './whole-tiles.ts';

/** When Flink sees a delivery: a computed column of the tables that it reads. */
export const ARRIVED = 'arrived';

const BESIDE = [PARTITION_NO, LOG_OFFSET, JUDGED];

/** Topics have no verdict, and their order is that of arrival. */
const scan: Writers['scan'] = (plan, compiler) => {
  const own = Object.entries(plan.stored).filter(([name]) => !BESIDE.includes(name));
  return scanSql({ ...plan, stored: { ...Object.fromEntries(own), [ARRIVED]: ARRIVED } }, compiler);
};

/**
 * Of each id the first delivery to arrive that counts, which within a partition is the first in log order. Ordered by processing time
 * it is planned to keep the first and to emit inserts only; by any column of the delivery, it would take back what it
 * emitted or, worse, plan that it need not.
 */
const keepFirst: Writers['admission'] = (plan, compiler) => {
  const columns = Object.keys(plan.from.stored).filter((name) => !BESIDE.includes(name));
  return `SELECT
  ${selectList(columns)}
FROM (
  SELECT
    ${columns.join(',\n    ')},
    ROW_NUMBER() OVER (PARTITION BY ${plan.id} ORDER BY ${ARRIVED}) AS delivery_no
  FROM ${compiler.step(plan.from)}
  WHERE ${[`${INGEST} IS NOT NULL`, ...timeTests(plan)].join('\n    AND ')}
) AS d
WHERE delivery_no = 1`;
};

/** When a row changes or goes does not follow from its time: the state of its tile is kept for good. */
const wholeTiles: Writers['wholeTiles'] = (plan, compiler) => {
  const sql = wholeTilesSql(plan, compiler);
  const { from } = plan.tiles;
  const kept = `SELECT /*+ STATE_TTL('${compiler.step(from)}' = '0 s') */`;
  return from.images === null ? sql : sql.replace(/^SELECT/, kept);
};

/** Flink 2.3, streaming over the topics of a log: the shared text, first deliveries by arrival, text by its bytes. */
export const flink: Dialect = {
  ...standard,
  name: 'flink',
  identifier: (name) => `\`${name.replaceAll('`', '``')}\``,
  // Text is compared by its bytes or by its UTF-16 units, as the planner chooses; hexadecimal is one order.
  extremeText: (side, sql) => `DECODE(UNHEX(${side}(HEX(${sql}))), 'UTF-8')`,
  writers: { scan, admission: keepFirst, wholeTiles },
};
