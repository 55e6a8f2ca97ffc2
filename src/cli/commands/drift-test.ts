import { fail } from '../../base/errors/fail.ts';
import type { ColumnValues } from '../../ports/table-file.ts';
import { type Call, command } from '../command.ts';
import { closeInputs, type DriftInput, openDriftInput } from '../drift/drift-inputs.ts';
import { needed, option } from '../options/option.ts';
import { column, list, name } from '../options/option-kinds.ts';

const options = {
  column: needed(column, 'the column of the reference'),
  against: option(column, 'the column of the current file, where it has another name (that of --column)'),
  statistic: option(
    list(name('the name of a statistic')),
    'statistics with commas between (all that fit the column)',
    [],
  ),
};

export const driftTest = command({
  name: ['drift', 'test'],
  summary: 'compares a column of two files by named statistics: value, p, rows and unit of each',
  words: '<reference> <current>',
  arity: [2, 2],
  options,
  async run(call) {
    const { testColumns } = await import('../../monitoring/detect/test-columns.ts');
    const { column: tested, against = tested, statistic } = call.options;
    const names = [tested, against];
    const inputs: DriftInput[] = [];
    try {
      const sides: ColumnValues[] = [];
      for (const [i, path] of call.words.entries()) {
        const input = await openDriftInput(path);
        inputs.push(input);
        sides.push(await valuesOf(input, names[i]));
      }
      const found = testColumns(tested, sides[0], sides[1], statistic);
      if (call.json) call.terminal.out(JSON.stringify({ column: tested, against, ...found }));
      else printed(call, found);
    } finally {
      await closeInputs(inputs);
    }
  },
});

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
  { terminal }: Pick<Call, 'terminal'>,
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
