import { type ColumnValues, holdsLists, isTime, type TableFile } from '../../ports/table-file.ts';
import { adjustedP } from '../../stats/multiple-testing.ts';
import { assembleComparison } from './assemble-comparison.ts';
import { calibrate } from './calibrate.ts';
import {
  type ChosenColumns,
  type ColumnChoice,
  chooseColumns,
  type ExcludedColumn,
  requireColumn,
} from './choose-columns.ts';
import { sideOfValues } from './column-side.ts';
import { type ComparedColumn, compareColumn } from './compare-column.ts';
import {
  compareVectors,
  holdsVectors,
  MOST_VECTORS,
  sideOfVectors,
  type VectorSide,
  vectorFaults,
} from './compare-vectors.ts';
import type { Comparison, SliceComparison } from './comparison.ts';
import { DATES_REASON, dateFaults, formsOfValues } from './date-faults.ts';
import type { DriftRule } from './drift-rule.ts';
import { joinMissing } from './join-missing.ts';
import { judgeFeatures } from './judge-features.ts';
import { type QualityFault, qualityFaults } from './quality-fault.ts';
import { quietChance } from './quiet-chance.ts';
import { DomainSample } from './root-cause.ts';
import { type Matched, matchSeason, type Season } from './season.ts';

export interface CompareOptions extends ColumnChoice {
  readonly rule: DriftRule;
  readonly windowsPerDay: number;
  /** A column whose values are compared one by one as well. */
  readonly slice: string | null;
  /** A column that orders the reference, so that its chunks are spans of time. */
  readonly time: string | null;
  /** Rows of the reference that are compared: those of the same hours, by `time`. */
  readonly season: Season;
}

/** Slices that are compared: the largest of the current rows. */
const MOST_SLICES = 20;

/** Compares two files, column by column, so that one column is in memory at a time. Errors: DRIFT_FILE, DRIFT_COLUMN. */
export async function compareTables(
  reference: TableFile,
  current: TableFile,
  options: CompareOptions,
): Promise<Comparison> {
  const { slice, time } = options;
  if (slice !== null) requireColumn('the slice', slice, reference, current);
  if (time !== null) requireColumn('the time', time, reference, current);
  const chosen = chooseColumns([reference, current], options, time === null ? [] : [[time, 'the time']]);
  // A column of one file only is a fault, unless it was left out.
  const excluded: ExcludedColumn[] = chosen.excluded.filter(({ name }) => chosen.left.has(name));
  const compares = chosen.columns.filter(({ declared }) => !isTime(declared)).length;
  const faults: QualityFault[] = [...columnFaults(reference, current, chosen)];
  const slicer = slice === null ? null : await slicerOf(reference, current, slice, { time, features: compares });
  const season = time === null ? null : await seasonOf(reference, current, time, options.season);
  const sample = new DomainSample(season?.rows.length ?? reference.rows, current.rows);
  const columns: ComparedColumn[] = [];
  const chance = quietChance(compares, null);
  for (const { name, declared } of chosen.columns) {
    const vectors = await vectorsOf(name, declared, reference, current, time);
    if (vectors !== null) {
      columns.push(compareVectors(name, ...vectors));
      const [a, b] = [sideOfVectors(vectors[0]), sideOfVectors(vectors[1])];
      faults.push(...qualityFaults(name, a, b, false), ...vectorFaults(name, ...vectors));
      continue;
    }
    const all = await reference.column(name, time);
    const a = season === null ? all : picked(all, season.rows);
    const b = await current.column(name, time);
    const dates = datesOf(name, declared, current, [all, b]);
    if (dates !== null) {
      faults.push(...dates);
      excluded.push({ name, reason: DATES_REASON });
      continue;
    }
    const sides = [sideOfValues(a), sideOfValues(b)] as const;
    const compared = compareColumn(name, ...sides, {
      calibrate: (bins, kind) => calibrate(a, bins, b.length, { kind, chance }),
    });
    columns.push(compared);
    // Values, types and ranges are those of every row of the reference.
    const whole = season === null ? sides[0] : sideOfValues(all);
    faults.push(...qualityFaults(name, whole, sides[1], compared.kind !== 'identifier'));
    if (compared.effect !== null) sample.add(name, compared.bins.frozen, a, b);
    if (name !== slice) slicer?.add(name, all, b);
  }
  return assembleComparison({
    ...options,
    reference: { name: reference.path, rows: reference.rows },
    current: { name: current.path, rows: current.rows },
    columns,
    faults:
      reference.rows === 0 ? [] : await joinMissing(faults, current.rows, (names) => current.missingTogether(names)),
    domain: sample.classify(),
    slices: slicer?.judge(options.rule) ?? [],
    excluded,
    season: season === null ? null : { of: season.season, rows: season.rows.length, unmatched: season.unmatched },
  });
}

/** Both sides of a column of embeddings; null: it has no embeddings. */
async function vectorsOf(
  name: string,
  declared: string,
  reference: TableFile,
  current: TableFile,
  time: string | null,
): Promise<readonly [VectorSide, VectorSide] | null> {
  const other = current.columns.find((one) => one.name === name);
  if (other === undefined || !holdsLists(declared) || !holdsLists(other.declared)) return null;
  const a = { rows: reference.rows, ...(await reference.vectors(name, MOST_VECTORS.reference, time)) };
  if (!holdsVectors(a)) return null;
  return [a, { rows: current.rows, ...(await current.vectors(name, MOST_VECTORS.current, time)) }];
}

/** The rows of the reference in the hours of the current rows; null: all, or the column has no times. */
async function seasonOf(
  reference: TableFile,
  current: TableFile,
  time: string,
  season: Season,
): Promise<Matched | null> {
  const [a, b] = [await reference.column(time, time), await current.column(time, time)];
  return a instanceof Float64Array && b instanceof Float64Array ? matchSeason(a, b, season) : null;
}

/** Faults of a column of dates; null: it holds none. */
function datesOf(
  name: string,
  declared: string,
  current: TableFile,
  [before, now]: readonly [ColumnValues, ColumnValues],
): readonly QualityFault[] | null {
  const wasTime = isTime(declared);
  const forms = formsOfValues(before, wasTime);
  if (forms === null && !wasTime) return null;
  const other = current.columns.find((one) => one.name === name)?.declared ?? declared;
  return dateFaults(
    name,
    { side: sideOfValues(before), isTime: wasTime, forms },
    { side: sideOfValues(now), isTime: isTime(other), forms: formsOfValues(now, true) },
  );
}

function columnFaults(reference: TableFile, current: TableFile, { left }: ChosenColumns): readonly QualityFault[] {
  const lacking = (from: TableFile, of: TableFile, text: string): QualityFault[] =>
    from.columns
      .filter(({ name }) => !left.has(name) && !of.columns.some((one) => one.name === name))
      .map(({ name }) => ({ kind: 'column', columns: [name], text, rows: null }));
  return [...lacking(reference, current, 'the column is gone'), ...lacking(current, reference, 'the column is new')];
}

interface Slicer {
  add(name: string, reference: ColumnValues, current: ColumnValues): void;
  judge(rule: DriftRule): readonly SliceComparison[];
}

async function slicerOf(
  reference: TableFile,
  current: TableFile,
  slice: string,
  { time, features }: { readonly time: string | null; readonly features: number },
): Promise<Slicer> {
  const [a, b] = [await reference.column(slice, time), await current.column(slice, time)];
  const rowsOf = (values: ColumnValues) => {
    const rows = new Map<string, number[]>();
    for (let i = 0; i < values.length; i += 1) {
      const key = values[i] === null || Number.isNaN(values[i]) ? '(missing)' : String(values[i]);
      const list = rows.get(key);
      if (list === undefined) rows.set(key, [i]);
      else list.push(i);
    }
    return rows;
  };
  const [before, now] = [rowsOf(a), rowsOf(b)];
  const chosen = [...now].sort(([, x], [, y]) => y.length - x.length).slice(0, MOST_SLICES);
  const chance = quietChance(features * chosen.length, null);
  const slices = chosen.map(([value, rows]) => ({
    value,
    rows,
    was: before.get(value) ?? [],
    columns: [] as ComparedColumn[],
  }));
  return {
    add: (name, all, some) => {
      for (const one of slices) {
        const [x, y] = [picked(all, one.was), picked(some, one.rows)];
        one.columns.push(
          compareColumn(name, sideOfValues(x), sideOfValues(y), {
            calibrate: (bins, kind) => calibrate(x, bins, y.length, { kind, chance }),
          }),
        );
      }
    },
    judge: (rule) => judgeSlices(slice, slices, rule),
  };
}

interface Slice {
  readonly value: string;
  readonly rows: readonly number[];
  readonly was: readonly number[];
  readonly columns: readonly ComparedColumn[];
}

/** Evidence is adjusted for looking at every feature of every slice. */
function judgeSlices(column: string, slices: readonly Slice[], rule: DriftRule): readonly SliceComparison[] {
  const adjusted = adjustedP(
    slices.flatMap(({ columns }) => columns.map(({ evidence }) => evidence?.dependentP ?? 1)),
    'benjamini-hochberg',
  );
  let at = 0;
  return slices.map(({ value, rows, was, columns }): SliceComparison => {
    const own = adjusted.slice(at, at + columns.length);
    at += columns.length;
    const judged = judgeFeatures(columns, rule).map((one, i) =>
      one.state === 'drift' && rule.kind === 'default' && own[i] > 0.05 ? { ...one, state: 'ok' as const } : one,
    );
    const drifted = judged.filter(({ state }) => state === 'drift');
    const states = judged.map(({ state }) => state);
    const calm = states.includes('ok') ? 'ok' : 'insufficient';
    return {
      column,
      value,
      rows: { reference: was.length, current: rows.length },
      drifted: drifted.map(({ name, reason }) => ({ name, reason })),
      state: drifted.length > 0 ? 'drift' : calm,
    };
  });
}

function picked(values: ColumnValues, rows: ArrayLike<number>): ColumnValues {
  if (values instanceof Float64Array) return Float64Array.from(rows, (i) => values[i]);
  return Array.from(rows, (i) => values[i]);
}
