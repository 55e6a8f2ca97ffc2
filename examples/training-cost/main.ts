import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// Plans the training job of the guide: `npm run start:cost`. More options go to the command.
const COMMAND = fileURLToPath(new URL('../../src/cli/start.ts', import.meta.url));
const file = (name: string) => fileURLToPath(new URL(`./${name}`, import.meta.url));

const plan = [
  ...['cost', 'plan', file('job.json')],
  ...['--profile', file('loader-bound.json'), '--prices', file('offers.json')],
  ...['--trace', file('aws-p2-2020-11-20.csv'), '--time-unit', 'h'],
  ...process.argv.slice(2),
];
const { status } = spawnSync(process.execPath, ['--conditions=headrace-source', COMMAND, ...plan], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);
if (!plan.includes('--json'))
  console.log('choose the lever yourself, in the lab: npm run -s headrace -- labs training-bill');
