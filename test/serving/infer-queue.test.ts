import { expect, test } from 'vitest';
import type { Tensor } from '../../src/schema/tensor.ts';
import { InferQueue } from '../../src/versions/queue/infer-queue.ts';
import { ModelStatistics } from '../../src/versions/queue/model-statistics.ts';

const one: Tensor = { name: 'x', type: 'FP32', shape: [1, 1], data: new Float32Array(1) };

/** A queue of a model whose runs may have 8 rows, and 2 while several tenants ask; it notes the rows of its runs. */
function queueOf(runs: number[]) {
  const queue = new InferQueue({
    model: 'm',
    version: '1',
    limits: { mostRows: 1_000, mostRowsOfTenant: 1_000, weights: {} },
    rowsARun: (severalTenants) => (severalTenants ? 2 : 8),
    delayMs: 0,
    instances: 1,
    run: async (inputs) => {
      runs.push(inputs[0].shape[0]);
      return inputs;
    },
    statistics: new ModelStatistics(),
    clock: Date.now,
  });
  const submit = (tenant: string, deadline = Number.POSITIVE_INFINITY) =>
    queue.submit({
      tenant,
      deadline,
      signal: null,
      inputs: [one],
      outputs: ['x'],
      parameters: { values: {}, key: '' },
      priority: 1,
      rows: 1,
    });
  return { queue, submit };
}

test('runs are short while several tenants ask, and as long as usual for one', async () => {
  const runs: number[] = [];
  const { submit } = queueOf(runs);
  await Promise.all(Array.from({ length: 16 }, () => submit('busy')));
  expect(runs.splice(0)).toEqual([8, 8]);
  const busy = Array.from({ length: 16 }, () => submit('busy'));
  let runsBefore = Number.NaN;
  const quiet = submit('quiet').then(() => {
    runsBefore = runs.length;
  });
  await Promise.all([...busy, quiet]);
  expect(Math.max(...runs)).toBe(2);
  // The quiet tenant came last, and waits for one run.
  expect(runsBefore).toBe(2);
});

test('a request may wait until a time that no timer reaches', async () => {
  const { submit } = queueOf([]);
  for (const deadline of [2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, Number.MAX_VALUE])
    expect(await submit('patient', deadline)).toMatchObject({ outputs: [{ name: 'x' }] });
});
