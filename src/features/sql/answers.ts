import type { AnswerColumn, AnswerSource, AnswersPlan } from '../plan/answers.ts';
import { ASKED } from '../plan/names.ts';
import type { Compiler } from './compile.ts';
import { finaliseSql } from './finalise.ts';
import { selectList } from './text.ts';

/** Answers are finalised once a point, before the spine's rows, of which several may ask the same, meet them. */
export function answersSql({ spine, columns }: AnswersPlan, compiler: Compiler): string {
  const sources = [...new Set(columns.flatMap((column) => (column.kind === 'spine' ? [] : [column.from])))];
  const joins = sources.map((source, index) => {
    const own = columns.filter((column) => column.kind !== 'spine' && column.from === source);
    return joinSql(source, answeredStep(source, own, columns, compiler), `v${index}`);
  });
  const select = columns.map((column, index) => {
    const sql =
      column.kind === 'spine' ? `s.${column.column}` : `v${sources.indexOf(column.from)}.${answerName(index)}`;
    return `${sql} AS ${compiler.dialect.identifier(column.name)}`;
  });
  return `SELECT\n  ${selectList(select)}\nFROM ${[`${compiler.step(spine)} AS s`, ...joins].join('\n')}`;
}

function answerName(index: number): string {
  return `a_${index}`;
}

function answeredStep(
  { plan, keys }: AnswerSource,
  own: readonly AnswerColumn[],
  all: readonly AnswerColumn[],
  compiler: Compiler,
): string {
  const point = [...keys.map(({ name }) => name), ASKED];
  const answers = own.map((column) => `${columnSql(column, compiler)} AS ${answerName(all.indexOf(column))}`);
  return compiler.add('answers', `SELECT\n  ${selectList([...point, ...answers])}\nFROM ${compiler.step(plan)}`);
}

function columnSql(column: AnswerColumn, { dialect }: Compiler): string {
  if (column.kind !== 'aggregate') return column.column;
  const { spec, window } = column;
  return finaliseSql(spec, (suffix) => `${spec.name}_${suffix}_w${window}`, dialect);
}

function joinSql({ keys }: AnswerSource, step: string, alias: string): string {
  const on = keys.map(({ name, of }) => `${alias}.${name} = s.${of}`);
  return `LEFT JOIN ${step} AS ${alias} ON ${[...on, `${alias}.${ASKED} = s.${ASKED}`].join(' AND ')}`;
}
