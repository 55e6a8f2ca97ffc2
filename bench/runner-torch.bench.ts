import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runCommand } from '../scripts/run-command.ts';
import { torch } from '../scripts/services/torch.ts';
import { checkpointInterval } from '../src/cost/spot/interval/checkpoint-interval.ts';
import { localTraining } from '../src/site/back-ends/training-systems.ts';
import { superviseRun } from '../src/training/runner/controller.ts';
import { parseRunSpec } from '../src/training/runner/run-spec.ts';
import { printFigure } from './figure.ts';
import { median } from './measure.ts';
import { scratchDirectory } from './shop.ts';

/**
 * A PyTorch job on one core: bare; under the runner without a checkpoint; with one at τ* for a loss a minute; killed, and resumed to its
 * first new step. All take turns in the same rounds.
 */
const STEPS = Number(process.env['HEADRACE_BENCH_STEPS'] ?? 1_500);
const ROUNDS = Number(process.env['HEADRACE_BENCH_ROUNDS'] ?? 5);
/** Mean time between losses that τ* is chosen for, s. */
const LOSS_S = 60;

interface Times {
  readonly started: number;
  readonly first: number;
  readonly last: number;
  readonly blocked: readonly number[];
}

await torch.fetch();
const { TORCH_PYTHONPATH: path, TORCH_LIBRARIES: libraries } = await torch.up();
const folder = scratchDirectory();
const helper = resolve('src/training/runner');
const variables = { PYTHONPATH: `${path}:${helper}`, LD_LIBRARY_PATH: libraries ?? '' };
const program = resolve('bench/torch-steps.py');
let runs = 0;

const secondsOf = ({ first, last }: Times) => last - first;
const read = (times: string): Times => JSON.parse(readFileSync(times, 'utf8'));

async function bare(steps: number, resume?: string): Promise<Times> {
  runs += 1;
  const times = join(folder, `${runs}.json`);
  const env = { ...variables, RUN_TIMES: times, RUN_STEPS: String(steps) };
  const { code, output } = await runCommand('/usr/bin/python3', [program], {
    env: resume === undefined ? env : { ...env, HEADRACE_RESUME: resume },
  });
  if (code !== 0) throw new Error(output);
  return read(times);
}

async function supervised(options: { readonly every?: number; readonly kill?: number }) {
  runs += 1;
  const own = join(folder, `run-${runs}`);
  const times = join(folder, `${runs}.json`);
  mkdirSync(own);
  const set = Object.entries({ ...variables, RUN_TIMES: times }).map((entry) => entry.join('='));
  const backend = localTraining(own);
  const spec = parseRunSpec({ command: ['env', ...set, '/usr/bin/python3', program], targetSteps: STEPS, options });
  const { state, tail } = await superviseRun({ run: 'bench', folder: own, spec, backend });
  await backend.close();
  if (state !== 'completed') throw new Error(tail.join('\n'));
  const newest = readdirSync(join(own, 'checkpoints')).sort().at(-1) ?? '';
  return { ...read(times), own, times, checkpoint: join(own, 'checkpoints', newest) };
}

const first = await bare(STEPS);
const trial = await supervised({ every: Math.ceil(STEPS / 4) });
const blockedS = median(trial.blocked);
const { exactS } = checkpointInterval({ blockedS, mtbfS: LOSS_S, restartS: 0 });
const every = Math.min(Math.ceil(STEPS / 2), Math.max(1, Math.round(exactS / (secondsOf(first) / STEPS))));

const found = { bare: [0], plain: [0], saved: [0], formula: [0], resumed: [0], load: [0] };
for (const list of Object.values(found)) list.length = 0;
for (let round = 0; round < ROUNDS; round += 1) {
  const alone = secondsOf(await bare(STEPS));
  found.bare.push(alone);
  found.plain.push(secondsOf(await supervised({})));
  const saved = await supervised({ every });
  found.saved.push(secondsOf(saved) / alone);
  found.formula.push(1 + saved.blocked.reduce((sum, one) => sum + one, 0) / alone);
  const killed = await supervised({ every, kill: every + 5 });
  found.resumed.push(killed.first - JSON.parse(readFileSync(`${killed.times}.killed`, 'utf8')));
  const loaded = await bare(STEPS, killed.checkpoint);
  found.load.push(loaded.first - loaded.started);
}
printFigure({
  name: `runner around a PyTorch job of ${STEPS} steps, without a checkpoint`,
  unit: 's',
  value: median(found.plain),
  yardstick: 'the bare job',
  yardstickValue: median(found.bare),
  aim: { of: 'ratio', atMost: 1.01 },
});
printFigure({
  name: `the same with a checkpoint every ${every} steps (τ* at a loss a minute): wall time over work`,
  unit: '',
  value: median(found.saved),
  yardstick: 'the formula, (τ + δ)/τ',
  yardstickValue: median(found.formula),
  aim: { of: 'ratio', atLeast: 0.98, atMost: 1.02 },
});
printFigure({
  name: 'from a kill to the first new step',
  unit: 's',
  value: median(found.resumed),
  yardstick: 'start and load of the bare program',
  yardstickValue: median(found.load),
  aim: { of: 'ratio', atMost: 1.2 },
});
