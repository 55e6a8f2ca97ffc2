import { readFileSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import { numberText } from '../../base/number-text.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Comparison } from '../../monitoring/detect/comparison.ts';
import { parseDriftRule, ruleText } from '../../monitoring/detect/drift-rule.ts';
import { SEASONS } from '../../monitoring/detect/season.ts';
import { type Call, command } from '../command.ts';
import { closeInputs, type DriftInput, openDriftInput, profileByEngineOf, profileOf } from '../drift/drift-inputs.ts';
import { writeComparison } from '../drift/write-comparison.ts';
import { columnChoice, columnOptions } from '../options/column-options.ts';
import { flag, option } from '../options/option.ts';
import { choice, column, file, read, whole } from '../options/option-kinds.ts';

const options = {
  rule: option(
    read('default, psi>0.2 or ks<0.05, with numbers of your own', parseDriftRule, ruleText),
    'default, psi>0.2 or ks<0.05, with numbers of your own',
    { kind: 'default' },
  ),
  slice: option(column, 'a column whose values are also compared one by one'),
  time: option(column, 'a column that orders the reference in time; not compared'),
  season: option(
    choice(SEASONS),
    'compare with reference rows of the same hours of the week or day (auto; needs time)',
  ),
  ...columnOptions,
  'windows-per-day': option(whole(1, 86_400), 'windows a day that the cost of the rules is computed for', 1),
  html: option(file, 'also write an HTML file to this path'),
  evidently: option(file, 'also write a snapshot that Evidently 0.7 opens to this path'),
  engine: flag('profile Parquet files by the engine of the environment (offline.engine), and compare the profiles'),
};

type Asked = Call<typeof options>;

export const driftCompare = command({
  name: ['drift', 'compare'],
  summary:
    'compares two files: faults of the data, then features that drifted, by effect, evidence and the usual spread',
  words: '<reference> <current> | <report of Evidently.json>',
  arity: [1, 2],
  options,
  async run(call) {
    if (call.words.length === 1) return readReport(call);
    const inputs: DriftInput[] = [];
    try {
      for (const word of call.words) inputs.push(await inputOf(call, word));
      const comparison = await compared(call, inputs[0], inputs[1]);
      await writeComparison(call, comparison);
    } finally {
      await closeInputs(inputs);
    }
  },
});

/** A file by its own engine: a table becomes its profile where the environment's engine is asked for. */
async function inputOf(call: Asked, path: string): Promise<DriftInput> {
  const isTable = !path.endsWith('.profile') && !path.endsWith('.bin');
  if (!call.options.engine || !isTable) return openDriftInput(path);
  return { kind: 'profile', path, profile: await profileByEngineOf(call, path, null, call.options.ignore) };
}

/** Errors: DRIFT_OPTION, those of the files. */
async function compared(call: Asked, reference: DriftInput, current: DriftInput): Promise<Comparison> {
  const { options: asked } = call;
  const { rule, slice = null, time = null, season, 'windows-per-day': windowsPerDay } = asked;
  if (reference.kind === 'table' && current.kind === 'table') {
    const { compareTables } = await import('../../monitoring/detect/compare-tables.ts');
    if (season !== undefined && time === null)
      throw fail('DRIFT_OPTION', { option: 'season', value: season, reason: 'without "--time" no hour is known' });
    return compareTables(reference.table, current.table, {
      rule,
      windowsPerDay,
      slice,
      time,
      season: season ?? 'auto',
      ...columnChoice(call),
    });
  }
  for (const name of ['slice', 'time', 'season', 'ignore', 'features'] as const)
    if (asked[name] !== undefined)
      throw fail('DRIFT_OPTION', {
        option: name,
        value: String(asked[name]),
        reason: 'a profile has no rows to choose from',
      });
  const { compareProfiles } = await import('../../monitoring/detect/compare-profiles.ts');
  const [a, b] = [await profileOf(reference, null), await profileOf(current, null)];
  return compareProfiles(
    { name: reference.path, rows: a.rows, profile: a },
    { name: current.path, rows: b.rows, profile: b },
    { rule, windowsPerDay },
  );
}

/** The drift of columns that a JSON report of Evidently 0.7 has. Errors: CLI_FILE, those of the report. */
async function readReport(call: Call): Promise<void> {
  const { readEvidentlyReport } = await import('../../monitoring/interop/evidently-report.ts');
  const [path] = call.words;
  const columns = readEvidentlyReport(textOf(path));
  if (call.json) return call.terminal.out(JSON.stringify(columns));
  for (const { column, method, threshold, value, drifted } of columns) {
    const state = drifted === null ? 'unknown' : drifted ? 'drift' : 'ok';
    call.terminal.out(
      `${column.padEnd(24)} ${state.padEnd(8)} ${numberText(value, 4)} (${method}, threshold ${threshold ?? '–'})`,
    );
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fail('CLI_FILE', { path, reason: reasonOf(error) }, error);
  }
}
