import { writeFileSync } from 'node:fs';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Command } from '../command.ts';
import { closeInputs, type DriftInput, openDriftInput, profileOf } from '../drift-inputs.ts';

export const driftProfile: Command = {
  name: ['drift', 'profile'],
  summary: 'profiles a file in one scan: counts, moments, quantiles, frequent values; profiles merge and compare',
  words: '<file> <output.profile>',
  arity: [2, 2],
  options: { like: { type: 'string' } },
  help: { like: 'a profile whose bins are counted over' },
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
      inputs.push(await openDriftInput(path));
      const like = call.options['like'];
      if (typeof like === 'string') inputs.push(await openDriftInput(like));
      const profile = await profileOf(inputs[0], inputs[1]?.kind === 'profile' ? inputs[1].profile : null);
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

function writeBytes(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes);
  } catch (error) {
    throw fail('CLI_FILE', { path, reason: reasonOf(error) }, error);
  }
}
