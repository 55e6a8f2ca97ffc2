import { once } from 'node:events';
import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pythonWith } from '../services/python.ts';
import { cached } from '../services/service.ts';
import { versions } from '../services/versions.ts';
import { startVitest } from '../vitest.ts';

// `npm run test:torch2`: the suite with PyTorch 2 on the processor. Its wheel is the CUDA build: 3 GB to download, 5.5 GB on the disk.

/** Room that the wheel and its packages need while they are unpacked, bytes. */
const ROOM = 10 * 2 ** 30;

const { version, packages } = versions.torch2;
const name = `torch-${version}`;
const folder = cached(`python-${name}`);
if (!existsSync(folder)) {
  mkdirSync(dirname(folder), { recursive: true });
  const { bavail, bsize } = statfsSync(dirname(folder));
  if (bavail * bsize < ROOM) {
    console.error(`skipped: ${dirname(folder)} has no room for PyTorch ${version}: 10 GB are needed`);
    process.exit(1);
  }
  console.log(`downloads PyTorch ${version} with its CUDA packages: 3 GB`);
}
const python = await pythonWith(name, packages);
const suite = startVitest(['--config', 'vitest.services.config.ts', join('test', 'services', 'torch2.test.ts')], {
  TORCH2_PYTHON: python,
});
const [code] = (await once(suite, 'close')) as [number | null];
process.exit(code ?? 1);
