import { fail } from '../../base/errors/fail.ts';
import { compareText } from '../../base/text-order.ts';
import type { ColumnValues } from '../../ports/table-file.ts';
import { valueBins } from '../profile/frozen-bins.ts';
import { type ColumnSide, sideOfValues } from './column-side.ts';
import { countsOver, referenceBins } from './reference-bins.ts';
import { type SampleStatistic, type StatisticAnswer, sampleStatistics } from './sample-statistics.ts';

/** The answers of statistics over two columns. */
export interface ColumnTests {
  readonly type: 'number' | 'text';
  /** Rows with a value, which are the tested ones. */
  readonly n: { readonly reference: number; readonly current: number };
  readonly missing: { readonly reference: number; readonly current: number };
  /** Categories of text; of numbers the bins between the deciles of the reference. */
  readonly categories: number;
  readonly tests: readonly StatisticRow[];
}

/** One of them; `answer` is null where these rows have none. */
export interface StatisticRow {
  readonly statistic: string;
  readonly says: string;
  readonly unit: string;
  readonly answer: StatisticAnswer | null;
}

/**
 * Runs statistics over a column of the reference and one of the current rows: those that are named, else all that fit the columns.
 * Missing values are left out. Errors: DRIFT_OPTION, DRIFT_MERGE.
 */
export function testColumns(
  column: string,
  reference: ColumnValues,
  current: ColumnValues,
  named: readonly string[],
): ColumnTests {
  const unknown = named.find((name) => !Object.hasOwn(sampleStatistics, name));
  if (unknown !== undefined) throw notFit(unknown, `known are ${Object.keys(sampleStatistics).join(', ')}`);
  const [a, b] = [sideOfValues(reference), sideOfValues(current)];
  if (a.type !== b.type) throw fail('DRIFT_MERGE', { column, reason: 'one side has numbers, the other texts' });
  const counts = countsOf(column, a, b);
  const fits = (statistic: SampleStatistic): string | null => {
    if (statistic.of === 'numbers') return a.type === 'number' ? null : 'it is of numbers, and the columns are texts';
    if (statistic.categories === undefined || statistic.categories === counts[0].length) return null;
    return `it is of ${statistic.categories} categories, and the columns have ${counts[0].length}`;
  };
  const rows = Object.entries(sampleStatistics).flatMap(([name, statistic]): StatisticRow[] => {
    if (named.length > 0 && !named.includes(name)) return [];
    const reason = fits(statistic);
    if (reason !== null && named.length > 0) throw notFit(name, reason);
    if (reason !== null) return [];
    const { says, unit } = statistic;
    const answer =
      statistic.of === 'counts' ? statistic.run(...counts) : statistic.run(numbersOf(reference), numbersOf(current));
    return [{ statistic: name, says, unit, answer }];
  });
  return {
    type: a.type,
    n: { reference: a.rows - a.missing, current: b.rows - b.missing },
    missing: { reference: a.missing, current: b.missing },
    categories: counts[0].length,
    tests: rows,
  };
}

function notFit(statistic: string, reason: string) {
  return fail('DRIFT_OPTION', { option: 'statistic', value: statistic, reason });
}

/** Counts of both sides: of the bins of numbers, of every value of texts. Error: DRIFT_OPTION. */
function countsOf(column: string, a: ColumnSide, b: ColumnSide): readonly [Float64Array, Float64Array] {
  if (a.type === 'number') {
    const bins = referenceBins(a, 'number');
    return [countsOver(a, bins).subarray(0, bins.count), countsOver(b, bins).subarray(0, bins.count)];
  }
  if (a.offset + b.offset > 0)
    throw fail('DRIFT_OPTION', { option: 'column', value: column, reason: 'it has more than 20,000 different texts' });
  const values = [...new Set([...(a.values ?? []), ...(b.values ?? [])].map(([value]) => value))].sort(compareText);
  const bins = valueBins(values);
  return [countsOver(a, bins).subarray(0, values.length), countsOver(b, bins).subarray(0, values.length)];
}

function numbersOf(values: ColumnValues): Float64Array {
  return values instanceof Float64Array ? values.filter((value) => !Number.isNaN(value)) : new Float64Array();
}
