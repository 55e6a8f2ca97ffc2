import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, once } from './binaries.ts';
import { cached } from './service.ts';

/** Its own Python packages in the cache; returns the path of its interpreter. `name` is new for other packages. */
export async function pythonWith(name: string, packages: readonly string[]): Promise<string> {
  const folder = await once(`python-${name}`, async (into) => {
    await must('python3', ['-m', 'venv', '.'], into);
    await must('bin/python', ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages], into);
    renameIn(join(into, 'bin'), into, cached(`python-${name}`));
  });
  return join(folder, 'bin/python');
}

/** The first line of a script names its interpreter by its path, and the folder moves once it is whole. */
function renameIn(folder: string, from: string, to: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const { name } = entry;
    if (!entry.isFile() || /^(python|activate)/i.test(name)) continue;
    const text = readFileSync(join(folder, name), 'latin1');
    if (text.startsWith(`#!${from}`)) writeFileSync(join(folder, name), text.replace(from, to), 'latin1');
  }
}
