import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Profile } from '../../monitoring/profile/profile.ts';
import { command } from '../command.ts';
import { closeInputs, openDriftInput, profileOf } from '../drift-inputs.ts';

export const driftSketches = command({
  name: ['drift', 'sketches'],
  summary:
    'writes the sketches of a profile or a table as files of Apache DataSketches: .kll, .hll and .fi of each column',
  words: '<file> <folder>',
  arity: [2, 2],
  async run(call) {
    const [path, folder] = call.words;
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
  },
});

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
