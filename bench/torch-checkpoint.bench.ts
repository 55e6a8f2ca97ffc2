import { resolve } from 'node:path';
import { runCommand } from '../scripts/run-command.ts';
import { torch } from '../scripts/services/torch.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { scratchDirectory } from './shop.ts';

/** Time that training is blocked by a checkpoint in the background, next to torch.save of the same state with its fsync. */
const MEGABYTES = 100;

await torch.fetch();
const { TORCH_PYTHONPATH: path, TORCH_LIBRARIES: libraries } = await torch.up();
const { code, stdout, output } = await runCommand(
  '/usr/bin/python3',
  [resolve('bench/torch-checkpoint.py'), scratchDirectory(), String(MEGABYTES)],
  { env: { PYTHONPATH: `${path}:${resolve('src/training/runner')}`, LD_LIBRARY_PATH: libraries ?? '' } },
);
if (code !== 0) throw new Error(output);
const { plain, blocked }: { plain: number[]; blocked: number[] } = JSON.parse(stdout);
printFigure({
  name: `checkpoint of ${MEGABYTES} MB in the background: training blocked`,
  unit: 's',
  value: median(blocked),
  yardstick: 'torch.save and fsync',
  yardstickValue: median(plain),
  aim: { of: 'ratio', atMost: 0.3 },
});
