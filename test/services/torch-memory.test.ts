// @module-tag deep
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runCommand } from '../../scripts/run-command.ts';
import { activationBytes, stateBytes } from '../../src/cost/plan/memory-model.ts';
import { addressOf } from './addresses.ts';

const program = fileURLToPath(new URL('./torch-memory.py', import.meta.url));
const env = {
  PYTHONPATH: addressOf('TORCH_PYTHONPATH')[0] ?? '',
  LD_LIBRARY_PATH: addressOf('TORCH_LIBRARIES')[0] ?? '',
};

interface Measured {
  readonly parameters: number;
  readonly parameterBytes: number;
  readonly gradientBytes: number;
  readonly stateBytes: number;
  readonly all: number;
  readonly none: number;
}

async function measured(shape: readonly number[]): Promise<Measured> {
  const { stdout } = await runCommand('/usr/bin/python3', [program, ...shape.map(String)], { env });
  return JSON.parse(stdout) as Measured;
}

test.each([
  [128, 2, 256, 4],
  [256, 1, 256, 8],
  [64, 4, 512, 8],
])('a layer of sequence %d, batch %d, hidden %d and %d heads keeps what the memory model says', async (...shape) => {
  const [sequence, batch, hidden, heads] = shape;
  const found = await measured(shape);
  const states = stateBytes({
    parameters: found.parameters,
    optimizer: 'adam',
    precision: 'autocast',
    shards: 1,
    stage: 0,
  });
  expect(states).toEqual({
    parameters: found.parameterBytes,
    gradients: found.gradientBytes,
    states: found.stateBytes,
  });
  const layer = { layers: 1, hidden, heads, sequence };
  expect(Math.abs(found.all / activationBytes(layer, batch, 'all') - 1)).toBeLessThan(0.1);
  expect(Math.abs(found.none / activationBytes(layer, batch, 'none') - 1)).toBeLessThan(0.1);
});
