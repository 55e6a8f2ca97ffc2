import type { AnswerColumn, AnswerSource, AnswersPlan } from '../plan/answers.ts';
import { ASKED } from '../plan/names.ts';
import type { Compiler } from './compile.ts';
import { finaliseSql } from './finalise.ts';
import { selectList } from './text.ts';

export function answersSql({ spine, columns }: AnswersPlan, compiler: Compiler): string {
  const sources = [...new Set(columns.flatMap((column) => (column.kind === 'spine' ? [] : [column.from])))];
  const select = columns.map(
    (column) => `${columnSql(column, sources, compiler)} AS ${compiler.dialect.identifier(column.name)}`,
  );
  const joins = sources.map((source, index) => joinSql(source, `v${index}`, compiler));
  return `SELECT\n  ${selectList(select)}\nFROM ${[`${compiler.step(spine)} AS s`, ...joins].join('\n')}`;
}

function joinSql({ plan, keys }: AnswerSource, alias: string, compiler: Compiler): string {
  const on = keys.map(({ name, of }) => `${alias}.${name} = s.${of}`);
  return `LEFT JOIN ${compiler.step(plan)} AS ${alias} ON ${[...on, `${alias}.${ASKED} = s.${ASKED}`].join(' AND ')}`;
}

function columnSql(column: AnswerColumn, sources: readonly AnswerSource[], { dialect }: Compiler): string {
  if (column.kind === 'spine') return `s.${column.column}`;
  const alias = `v${sources.indexOf(column.from)}`;
  if (column.kind !== 'aggregate') return `${alias}.${column.column}`;
  const { spec, window } = column;
  return finaliseSql(spec, (suffix) => `${alias}.${spec.name}_${suffix}_w${window}`, dialect);
}
