import { expect, test } from 'vitest';
import type { ModelRows } from '../../src/model/model-rows.ts';
import { trainedInputs } from '../../src/model/row-inputs.ts';
import { checkParity } from '../../src/registry/parity.ts';

const signature = { features: ['x'], input: 'features', output: 'value' };

/** A model that answers these scores, in float32. */
const answers = (scores: readonly number[]) => ({
  inputs: trainedInputs(signature),
  run: async ({ rows }: ModelRows) => Float64Array.from(Float32Array.from(scores.slice(0, rows))),
  close: async () => undefined,
});
const file = (scores: readonly number[]) =>
  new TextEncoder().encode(JSON.stringify({ rows: scores.map(() => [1]), scores }));
const checked = { model: 'rentals', version: 'new', signature } as const;

test('a small number next to great ones may be off by the rounding of the great ones: both are sums of the same terms', async () => {
  await expect(checkParity(checked, answers([3.93794, 812.5]), file([3.938016, 812.5]))).resolves.toBeUndefined();
});

test('probabilities keep the tolerance of 1e-5, and a great number that is wrong is refused', async () => {
  await expect(checkParity(checked, answers([0.5, 0.9]), file([0.50002, 0.9]))).rejects.toMatchObject({
    code: 'MODEL_PARITY',
  });
  await expect(checkParity(checked, answers([3.9, 812.5]), file([3.9, 813]))).rejects.toMatchObject({
    code: 'MODEL_PARITY',
  });
});
