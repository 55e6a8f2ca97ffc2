import { writeFileSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Profile } from '../../monitoring/profile/profile.ts';
import type { Call, Command } from '../command.ts';
import { closeInputs, type DriftInput, openDriftInput, profileByEngineOf, profileOf } from '../drift-inputs.ts';

export const driftProfile: Command = {
  name: ['drift', 'profile'],
  summary: 'profiles a file in one scan: counts, moments, quantiles, frequent values; profiles merge and compare',
  words: '<file> <output.profile>',
  arity: [2, 2],
  options: { like: { type: 'string' }, engine: { type: 'boolean' }, ignore: { type: 'string' } },
  help: {
    like: 'a profile whose bins are counted over',
    engine: 'profile Parquet files by the engine of the environment (offline.engine)',
    ignore: 'columns to leave out, with commas between: by the engine alone',
  },
  async run(call) {
    const inputs: DriftInput[] = [];
    const [path, output] = call.words;
    if (!output.endsWith('.profile'))
      throw fail('DRIFT_OPTION', { option: 'output', value: output, reason: 'its name must end in .profile' });
    try {
      if (path.endsWith('.bin'))
        throw fail('DRIFT_OPTION', {
          option: 'file',
          value: path,
          reason: 'a profile of whylogs is compared as it is',
        });
      const like = call.options['like'];
      const bins = typeof like === 'string' ? await openDriftInput(like) : null;
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
};

async function profiled(call: Call, path: string, like: Profile | null, inputs: DriftInput[]): Promise<Profile> {
  if (call.options['engine'] === true) return profileByEngineOf(call, path, like);
  const ignore = call.options['ignore'];
  if (typeof ignore === 'string')
    throw fail('DRIFT_OPTION', {
      option: 'ignore',
      value: ignore,
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
