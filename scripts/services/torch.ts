import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../run-command.ts';
import { must, once } from './binaries.ts';
import { cached, type Service } from './service.ts';
import { versions } from './versions.ts';

const { version, debian } = versions.torch;
const FOLDER = `torch-${version}`;

/** Debian's PyTorch for CPUs with all that it needs, unpacked and not installed: 145 MB of packages. Nothing runs: it is a library. */
export const torch: Service = {
  name: 'torch',
  sets: ['TORCH_PYTHONPATH', 'TORCH_LIBRARIES'],
  async fetch() {
    await unpacked();
  },
  async up() {
    return variablesOf(await unpacked());
  },
  async down() {},
  async status() {
    return existsSync(cached(FOLDER)) ? variablesOf(cached(FOLDER)) : null;
  },
};

function variablesOf(root: string): Readonly<Record<string, string>> {
  const usr = join(root, 'usr/lib/x86_64-linux-gnu');
  const libraries = [usr, `${usr}/blas`, `${usr}/lapack`, join(root, 'lib/x86_64-linux-gnu'), join(root, 'usr/lib')];
  return { TORCH_PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'), TORCH_LIBRARIES: libraries.join(':') };
}

function unpacked(): Promise<string> {
  return once(FOLDER, async (into) => {
    const names = await missingPackages(into).catch(async () => {
      // A machine without package lists.
      await must('apt-get', ['update'], into);
      return await missingPackages(into);
    });
    await must('apt-get', ['download', ...names], into);
    for (const file of readdirSync(into).filter((name) => name.endsWith('.deb')))
      await must('dpkg-deb', ['-x', file, '.'], into);
  });
}

/** The package and what it needs that this machine does not have, as apt would install them. */
async function missingPackages(folder: string): Promise<readonly string[]> {
  const args = ['--simulate', '--no-install-recommends', 'install', debian];
  const { code, stdout } = await runCommand('apt-get', args, { cwd: folder });
  const names = [...stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '');
  if (code !== 0 || names.length === 0) throw new Error(`apt-get knows no ${debian}`);
  return names;
}
