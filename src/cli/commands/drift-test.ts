import { fail } from '../../base/errors/fail.ts';
import type { ColumnValues } from '../../ports/table-file.ts';
import type { Call, Command } from '../command.ts';
import { closeInputs, type DriftInput, openDriftInput } from '../drift-inputs.ts';

export const driftTest: Command = {
  name: ['drift', 'test'],
  summary: 'compares a column of two files by named statistics: value, p, rows and unit of each',
  words: '<reference> <current>',
  arity: [2, 2],
  options: { column: { type: 'string' }, against: { type: 'string' }, statistic: { type: 'string' } },
  help: {
    column: 'the column of the reference; it is needed',
    against: 'the column of the current file, where it has another name (that of --column)',
    statistic: 'statistics with commas between (all that fit the column)',
  },
  async run(call) {
    const { testColumns } = await import('../../monitoring/detect/test-columns.ts');
    const text = (option: string) => {
      const value = call.options[option];
      return typeof value === 'string' ? value : null;
    };
    const column = text('column');
    if (column === null) throw fail('DRIFT_OPTION', { option: 'column', value: '', reason: 'it is needed' });
    const names = [column, text('against') ?? column];
    const named = (text('statistic') ?? '').split(',').filter((name) => name !== '');
    const inputs: DriftInput[] = [];
    try {
      const sides: ColumnValues[] = [];
      for (const [i, path] of call.words.entries()) {
        const input = await openDriftInput(path);
        inputs.push(input);
        sides.push(await valuesOf(input, names[i]));
      }
      const found = testColumns(column, sides[0], sides[1], named);
      if (call.json) call.terminal.out(JSON.stringify({ column, against: names[1], ...found }));
      else printed(call, found);
    } finally {
      await closeInputs(inputs);
    }
  },
};

/** All values of a column. Errors: DRIFT_OPTION, DRIFT_COLUMN. */
async function valuesOf(input: DriftInput, column: string): Promise<ColumnValues> {
  if (input.kind === 'profile')
    throw fail('DRIFT_OPTION', { option: 'file', value: input.path, reason: 'a profile has no rows to test' });
  const { columns, path } = input.table;
  if (!columns.some(({ name }) => name === column))
    throw fail('DRIFT_COLUMN', { what: 'the column', column, path, known: columns.map(({ name }) => name) });
  return input.table.column(column);
}

function printed(
  { terminal }: Call,
  {
    type,
    n,
    missing,
    categories,
    tests,
  }: ReturnType<typeof import('../../monitoring/detect/test-columns.ts').testColumns>,
): void {
  const of = type === 'number' ? `${categories} bins of the reference` : `${categories} categories`;
  terminal.out(`rows ${n.reference} and ${n.current}, missing ${missing.reference} and ${missing.current}; ${of}`);
  for (const { statistic, says, unit, answer } of tests) {
    const value = answer === null ? 'none' : answer.value.toPrecision(6);
    const p = answer === null || answer.p === null ? '–' : answer.p.toPrecision(4);
    const df = answer?.df === undefined ? '' : `; df ${Number(answer.df.toPrecision(6))}`;
    terminal.out(`${statistic.padEnd(18)} ${value.padStart(13)}  p ${p.padEnd(11)} ${says} (${unit})${df}`);
  }
}
