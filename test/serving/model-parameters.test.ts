import { describe, expect, test } from 'vitest';
import type { ModelParameter, ParameterType } from '../../src/ports/model-runtime.ts';
import type { Tensor } from '../../src/schema/tensor.ts';
import { InferQueue } from '../../src/versions/queue/infer-queue.ts';
import { ModelStatistics } from '../../src/versions/queue/model-statistics.ts';
import type { Asked } from '../../src/versions/queue/queue-options.ts';
import { checkParameters, NO_PARAMETERS } from '../../src/versions/request/model-parameters.ts';

const declared = (type: ParameterType, isList = false, usual: unknown = null): readonly ModelParameter[] => [
  { name: 'p', type, isList, default: usual },
];

const checked = (type: ParameterType, isList: boolean, p: boolean | number | bigint | string) =>
  checkParameters(declared(type, isList), { p }, 'm').values['p'];

describe('parameters of a model', () => {
  test.each([
    ['boolean', false, true, true],
    ['string', false, 'text', 'text'],
    ['datetime', false, '2026-11-28T04:00:00Z', '2026-11-28T04:00:00Z'],
    ['double', false, 2, 2],
    ['float', false, 7n, 7],
    ['integer', false, -(2 ** 31), -(2 ** 31)],
    ['long', false, 5, '5'],
    ['long', false, 2n ** 63n - 1n, '9223372036854775807'],
    ['double', true, '[1, 2.5]', [1, 2.5]],
    ['long', true, '[1]', ['1']],
    ['string', true, '[]', []],
    ['json', false, '{"a": [1]}', { a: [1] }],
    ['json', true, '[{"a": 1}]', [{ a: 1 }]],
  ] as const)('%s (a list: %s) takes %s', (type, isList, given, expected) => {
    expect(checked(type, isList, given)).toEqual(expected);
  });

  test.each([
    ['boolean', false, 1],
    ['boolean', false, 'true'],
    ['string', false, 3],
    ['datetime', false, 'soon'],
    ['double', false, '2'],
    ['double', false, Number.NaN],
    ['float', false, Number.POSITIVE_INFINITY],
    ['integer', false, 1.5],
    ['integer', false, 2 ** 31],
    ['long', false, 2 ** 53],
    ['long', false, 2n ** 63n],
    ['double', true, '1'],
    ['double', true, '[1'],
    ['double', true, '["1"]'],
    ['double', true, 1],
    ['integer', true, '[1, null]'],
    ['json', false, '{'],
    ['json', true, '{}'],
  ] as const)('%s (a list: %s) refuses %s', (type, isList, given) => {
    expect(() => checked(type, isList, given)).toThrowError(expect.objectContaining({ code: 'OIP_REQUEST' }));
  });

  test('defaults fill what a request leaves out, and parameters of the protocol pass by', () => {
    const given = { timeout: 120_000_000, sequence_id: 1, headrace_key: 'k', triton_x: true, binary_data_output: true };
    expect(checkParameters(declared('double', false, 2), given, 'm').values).toEqual({ p: 2 });
    expect(checkParameters(declared('double'), given, 'm').values).toEqual({});
  });

  test('one that is not declared is refused, and the declared ones are named', () => {
    expect(() => checkParameters(declared('double'), { q: 1 }, 'm')).toThrow(/'q' is none of model 'm', which has 'p'/);
  });

  test('names of the language have no meaning', () => {
    expect(() => checkParameters(declared('double'), { constructor: 1 }, 'm')).toThrow(/'constructor' is none/);
  });
});

test('requests with different parameters never share a run', async () => {
  const runs: (readonly [number, unknown])[] = [];
  const queue = new InferQueue({
    model: 'm',
    version: '1',
    limits: { mostRows: 100, mostRowsOfTenant: 100, weights: {} },
    rowsARun: () => 100,
    delayMs: 0,
    instances: 1,
    run: async (tensors, _, parameters) => {
      runs.push([tensors[0].shape[0] ?? 0, parameters['p']]);
      return tensors;
    },
    statistics: new ModelStatistics(),
    clock: () => 0,
  });
  const inputs: readonly Tensor[] = [{ name: 'x', type: 'FP32', shape: [1], data: Float32Array.of(1) }];
  const asked: Omit<Asked, 'parameters'> = {
    ...{ tenant: '', deadline: Number.POSITIVE_INFINITY, signal: null, priority: 1, rows: 1 },
    inputs,
    outputs: ['x'],
  };
  const parametersOf = (p: number) => checkParameters(declared('double'), { p }, 'm');
  await Promise.all([1, 1, 2, 2, 2, 1].map((p) => queue.submit({ ...asked, parameters: parametersOf(p) })));
  expect(runs.map(([rows, p]) => `${rows}×${String(p)}`)).toEqual(['2×1', '3×2', '1×1']);
  await queue.submit({ ...asked, parameters: NO_PARAMETERS });
  expect(runs.at(-1)).toEqual([1, undefined]);
});
