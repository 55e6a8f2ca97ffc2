import { fail } from '../../base/errors/fail.ts';
import type { Comparison } from '../../monitoring/detect/comparison.ts';
import { SEASONS, type Season } from '../../monitoring/detect/season.ts';
import type { Call, Command } from '../command.ts';
import { closeInputs, type DriftInput, openDriftInput, profileByEngineOf, profileOf } from '../drift-inputs.ts';
import { wholeOption } from '../parse-option.ts';
import { writeComparison } from '../write-comparison.ts';

export const driftCompare: Command = {
  name: ['drift', 'compare'],
  summary:
    'compares two files: faults of the data, then features that drifted, by effect, evidence and the usual spread',
  words: '<reference> <current>',
  arity: [2, 2],
  options: {
    rule: { type: 'string' },
    slice: { type: 'string' },
    time: { type: 'string' },
    season: { type: 'string' },
    ignore: { type: 'string' },
    features: { type: 'string' },
    'windows-per-day': { type: 'string' },
    html: { type: 'string' },
    evidently: { type: 'string' },
    engine: { type: 'boolean' },
  },
  help: {
    rule: 'default, psi>0.2 or ks<0.05, with numbers of your own (default)',
    slice: 'a column whose values are also compared one by one',
    time: 'a column that orders the reference in time; not compared',
    season:
      'compare with reference rows of the same hours of the week or day: auto, none, day, week (auto; needs time)',
    ignore: 'columns to leave out, with commas between; one may be in one file only',
    features: 'columns to compare, with commas between (all)',
    'windows-per-day': 'windows a day that the cost of the rules is computed for (1)',
    html: 'also write an HTML file to this path',
    evidently: 'also write a snapshot that Evidently 0.7 opens to this path',
    engine: 'profile Parquet files by the engine of the environment (offline.engine), and compare the profiles',
  },
  async run(call) {
    const inputs: DriftInput[] = [];
    try {
      for (const word of call.words) inputs.push(await inputOf(call, word));
      const comparison = await compared(call, inputs[0], inputs[1]);
      await writeComparison(call, comparison);
    } finally {
      await closeInputs(inputs);
    }
  },
};

/** Error: DRIFT_OPTION. */
function seasonOf(value: string | null, time: string | null): Season {
  const refuse = (reason: string) => fail('DRIFT_OPTION', { option: 'season', value: value ?? '', reason });
  const found = SEASONS.find((one) => one === (value ?? 'auto'));
  if (found === undefined) throw refuse(`known are ${SEASONS.join(', ')}`);
  if (value !== null && time === null) throw refuse('without "--time" no hour is known');
  return found;
}

/** A file by its own engine: a table becomes its profile where the environment's engine is asked for. */
async function inputOf(call: Call, path: string): Promise<DriftInput> {
  const isTable = !path.endsWith('.profile') && !path.endsWith('.bin');
  if (call.options['engine'] !== true || !isTable) return openDriftInput(path);
  return { kind: 'profile', path, profile: await profileByEngineOf(call, path, null) };
}

async function compared(call: Call, reference: DriftInput, current: DriftInput): Promise<Comparison> {
  const { parseDriftRule } = await import('../../monitoring/detect/drift-rule.ts');
  const text = (option: string) => {
    const value = call.options[option];
    return typeof value === 'string' ? value : null;
  };
  const rule = parseDriftRule(text('rule') ?? 'default');
  const windowsPerDay = wholeOption('windows-per-day', call.options['windows-per-day'], 1, 1, 86_400);
  if (reference.kind === 'table' && current.kind === 'table') {
    const { compareTables } = await import('../../monitoring/detect/compare-tables.ts');
    const names = (option: string) => (text(option) ?? '').split(',').filter((name) => name !== '');
    return compareTables(reference.table, current.table, {
      rule,
      windowsPerDay,
      slice: text('slice'),
      time: text('time'),
      season: seasonOf(text('season'), text('time')),
      ignore: names('ignore'),
      features: names('features'),
    });
  }
  for (const option of ['slice', 'time', 'season', 'ignore', 'features'])
    if (text(option) !== null)
      throw fail('DRIFT_OPTION', { option, value: text(option) ?? '', reason: 'a profile has no rows to choose from' });
  const { compareProfiles } = await import('../../monitoring/detect/compare-profiles.ts');
  const [a, b] = [await profileOf(reference, null), await profileOf(current, null)];
  return compareProfiles(
    { name: reference.path, rows: a.rows, profile: a },
    { name: current.path, rows: b.rows, profile: b },
    { rule, windowsPerDay },
  );
}
