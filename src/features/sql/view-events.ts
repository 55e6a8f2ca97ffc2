import { ASKED, CHANGED, ID, INGEST, SIGN, TS } from '../plan/names.ts';
import type { ViewEventsPlan } from '../plan/view-events.ts';
import type { Compiler } from './compile.ts';
import { expressionSql } from './expression.ts';
import { bigint, selectList } from './text.ts';

export function viewEventsSql(plan: ViewEventsPlan, compiler: Compiler): string {
  const { from, source, keys, inputs, images } = plan;
  const columns = [
    ...keys.map(({ name, of }) => `${of} AS ${name}`),
    `${images?.id ?? from.id} AS ${ID}`,
    `${images?.time ?? from.time} AS ${TS}`,
    INGEST,
    ...(images === null
      ? []
      : [
          `${from.time} AS ${CHANGED}`,
          `CASE WHEN ${images.before} THEN ${bigint(-1)} ELSE ${bigint(1)} END AS ${SIGN}`,
        ]),
    ...inputs.map(({ name, expression }) => `${expressionSql(expression, source, compiler.dialect)} AS ${name}`),
  ];
  const present = keys.map(({ of }) => `${of} IS NOT NULL`);
  present.push(...reachSql(plan, compiler));
  return `SELECT\n  ${selectList(columns)}\nFROM ${compiler.step(from)}\nWHERE ${present.join('\n  AND ')}`;
}

function reachSql({ from, keys, reach }: ViewEventsPlan, compiler: Compiler): readonly string[] {
  if (reach === null) return [];
  const spine = compiler.step(reach.spine);
  const tests = [`${from.time} < (SELECT MAX(${ASKED}) FROM ${spine})`];
  if (reach.backMs !== null) {
    tests.unshift(`${from.time} >= (SELECT MIN(${ASKED}) FROM ${spine}) - ${bigint(reach.backMs)}`);
  }
  const same = keys.map(({ name, of }) => `s.${reach.keys.find((key) => key.name === name)?.of} = ${of}`);
  return [...tests, `EXISTS (SELECT 1 FROM ${spine} AS s WHERE ${same.join(' AND ')})`];
}
