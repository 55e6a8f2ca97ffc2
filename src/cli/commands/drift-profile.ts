import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Profile } from '../../monitoring/profile/profile.ts';
import { type Call, command } from '../command.ts';
import { closeInputs, type DriftInput, openDriftInput, profileByEngineOf, profileOf } from '../drift/drift-inputs.ts';
import { flag, option } from '../options/option.ts';
import { column, file, list } from '../options/option-kinds.ts';

const options = {
  sketches: flag('write the sketches of each column to a folder, as files of Apache DataSketches: .kll, .hll and .fi'),
  like: option(file, 'a profile whose bins are counted over'),
  engine: flag('profile Parquet files by the engine of the environment (offline.engine)'),
  ignore: option(list(column), 'columns to leave out, with commas between: by the engine alone'),
};

export const driftProfile = command({
  name: ['drift', 'profile'],
  summary: 'profiles a file in one scan: counts, moments, quantiles, frequent values; profiles merge and compare',
  words: '<file> <output.profile or folder>',
  arity: [2, 2],
  options,
  async run(call) {
    const inputs: DriftInput[] = [];
    const [path, output] = call.words;
    if (call.options.sketches) return writeSketches(call, path, output);
    if (!output.endsWith('.profile'))
      throw fail('DRIFT_OPTION', { option: 'output', value: output, reason: 'its name must end in .profile' });
    try {
      if (path.endsWith('.bin'))
        throw fail('DRIFT_OPTION', {
          option: 'file',
          value: path,
          reason: 'a profile of whylogs is compared as it is',
        });
      const { like } = call.options;
      const bins = like === undefined ? null : await openDriftInput(like);
      if (bins !== null) inputs.push(bins);
      const profile = await profiled(call, path, bins?.kind === 'profile' ? bins.profile : null, inputs);
      const { encodeProfile } = await import('../../monitoring/profile/profile-bytes.ts');
      const bytes = encodeProfile(profile);
      writeBytes(output, bytes);
      const summary = { rows: profile.rows, columns: profile.columns.size, bytes: bytes.length };
      const { rows, columns } = summary;
      call.terminal.out(
        call.json ? JSON.stringify(summary) : `${rows} rows of ${columns} columns in ${bytes.length} bytes`,
      );
    } finally {
      await closeInputs(inputs);
    }
  },
});

async function profiled(
  call: Call<typeof options>,
  path: string,
  like: Profile | null,
  inputs: DriftInput[],
): Promise<Profile> {
  const { engine, ignore } = call.options;
  if (engine) return profileByEngineOf(call, path, like, ignore);
  if (ignore !== undefined)
    throw fail('DRIFT_OPTION', {
      option: 'ignore',
      value: ignore.join(','),
      reason: 'every column is profiled without --engine',
    });
  const input = await openDriftInput(path);
  inputs.push(input);
  return profileOf(input, like);
}

function writeBytes(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes);
  } catch (error) {
    throw fail('CLI_FILE', { path, reason: reasonOf(error) }, error);
  }
}

async function writeSketches(call: Call, path: string, folder: string): Promise<void> {
  const input = await openDriftInput(path);
  try {
    if (path.endsWith('.bin'))
      throw fail('DRIFT_OPTION', { option: 'file', value: path, reason: 'whylogs has the sketches itself' });
    const files = await sketchesOf(await profileOf(input, null));
    try {
      mkdirSync(folder, { recursive: true });
      for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
    } catch (error) {
      throw fail('CLI_FILE', { path: folder, reason: reasonOf(error) }, error);
    }
    call.terminal.out(call.json ? JSON.stringify({ files: files.size }) : `${files.size} sketches in ${folder}`);
  } finally {
    await closeInputs([input]);
  }
}

async function sketchesOf(profile: Profile): Promise<ReadonlyMap<string, Uint8Array>> {
  const { encodeKll } = await import('../../monitoring/profile/kll-bytes.ts');
  const { encodeHll } = await import('../../monitoring/profile/datasketches-hll.ts');
  const { encodeFrequentItems } = await import('../../monitoring/profile/datasketches-frequent-items.ts');
  const files = new Map<string, Uint8Array>();
  for (const [name, { kll, registers, frequent }] of profile.columns) {
    // A column may have any name; a file may not.
    const file = encodeURIComponent(name);
    files.set(`${file}.hll`, encodeHll(registers));
    if (kll !== null) files.set(`${file}.kll`, encodeKll(kll));
    if (frequent !== null) files.set(`${file}.fi`, encodeFrequentItems(frequent));
  }
  return files;
}
