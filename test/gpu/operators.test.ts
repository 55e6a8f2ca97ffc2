import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { devicePeaks } from '../../src/gpu/analysis/operators/device-peaks.ts';
import { operatorWork } from '../../src/gpu/analysis/operators/operator-work.ts';
import { type OperatorSum, operatorFacts } from '../../src/gpu/analysis/operators/operators.ts';
import { operatorArguments } from '../../src/gpu/analysis/operators/tensor-inputs.ts';
import { traceFacts } from '../../src/gpu/analysis/trace-facts.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { readTraceFile } from '../../src/gpu/readers/trace/read-trace.ts';
import { scanTrace } from './captures/scan-trace.ts';
import { hasSharedData, sharedPath, whySkipped } from './shared-data.ts';

type Shape = readonly number[] | readonly (readonly number[])[];

/** What a call has to do, of tensors of one type; strides and values only where they matter. */
function work(name: string, dims: readonly Shape[], type = 'c10::BFloat16', strides?: unknown, values: string[] = []) {
  const given = operatorArguments({
    dims: JSON.stringify(dims),
    types: JSON.stringify(dims.map(() => type)),
    strides: strides === undefined ? '' : JSON.stringify(strides),
    values: JSON.stringify(values),
  });
  return given === undefined ? undefined : operatorWork(name, given);
}

test('products count 2MNK and each matrix once; an addend that is repeated over rows counts its own elements', () => {
  expect(
    work('aten::mm', [
      [3, 5],
      [5, 7],
    ]),
  ).toMatchObject({ flops: 2 * 3 * 5 * 7, bytes: 2 * (15 + 35 + 21) });
  expect(work('aten::addmm', [[7], [3, 5], [5, 7], [], []], 'float')).toMatchObject({
    flops: 2 * 3 * 5 * 7,
    bytes: 4 * (15 + 35 + 21 + 7),
    type: 'float',
  });
  expect(
    work('aten::bmm', [
      [4, 3, 5],
      [4, 5, 7],
    ]),
  ).toMatchObject({ flops: 4 * 2 * 3 * 5 * 7, bytes: 2 * 4 * (15 + 35 + 21) });
  expect(
    work('aten::mm', [
      [3, 5],
      [6, 7],
    ]),
  ).toBeUndefined();
});

test('attention counts both products, half of them if it is causal, two and a half times as many backward', () => {
  const q = [2, 8, 128, 64];
  const full = work('aten::scaled_dot_product_attention', [q, q, q, []], undefined, undefined, [
    '',
    '',
    '',
    '',
    '0.',
    'False',
  ]);
  expect(full).toMatchObject({ flops: 4 * 2 * 8 * 128 * 128 * 64, bytes: 4 * 2 * 2 * 8 * 128 * 64 });
  const causal = work('aten::scaled_dot_product_attention', [q, q, q, []], undefined, undefined, [
    '',
    '',
    '',
    '',
    '0.',
    'True',
  ]);
  expect(causal?.flops).toBe((full?.flops ?? 0) / 2);
  const swapped = [2, 128, 8, 64];
  expect(work('aten::_flash_attention_forward', [swapped, swapped, swapped])?.flops).toBe(full?.flops);
  const backward = work('aten::_scaled_dot_product_flash_attention_backward', [q, q, q, q, q]);
  expect(backward?.flops).toBe(2.5 * (full?.flops ?? 0));
  // Fewer heads of keys and values: the same operations, fewer bytes.
  const grouped = work('aten::_flash_attention_forward', [swapped, [2, 128, 2, 64], [2, 128, 2, 64]]);
  expect(grouped?.flops).toBe(full?.flops);
  expect(grouped?.bytes).toBeLessThan(full?.bytes ?? 0);
});

test('a convolution without stride and padding in the trace has no operations; with them the size of its output', () => {
  const dims = [
    [1, 3, 2048, 2048],
    [64, 3, 7, 7],
  ];
  expect(work('aten::convolution', dims, 'float')).toBeUndefined();
  const values = ['', '', '', '[2, 2]', '[3, 3]', '[1, 1]', 'False', '[0, 0]', '1'];
  const forward = work('aten::convolution', dims, 'Float', undefined, values);
  expect(forward?.flops).toBe(2 * 64 * 1024 * 1024 * 3 * 49);
  expect(forward?.bytes).toBe(4 * (3 * 2048 * 2048 + 64 * 3 * 49 + 64 * 1024 * 1024));
  const printed = values.map((value) => value.replaceAll('[', '(').replaceAll(']', ')').replaceAll(' ', ''));
  expect(work('aten::convolution', dims, 'Float', undefined, printed)).toEqual(forward);
  // Both gradients take as much each; that of the input alone needs no other argument.
  const back = [[1, 64, 1024, 1024], ...dims];
  const mask = [...Array.from({ length: 10 }, () => ''), '[True, True, False]'];
  expect(work('aten::convolution_backward', back, 'float', undefined, mask)?.flops).toBe(2 * (forward?.flops ?? 0));
  expect(work('aten::cudnn_convolution_backward_input', [[], back[0] ?? [], back[2] ?? []], 'float')?.flops).toBe(
    forward?.flops,
  );
});

test('operators on elements read and write each element once, repeated ones once, and truth values are a byte', () => {
  expect(work('aten::add', [[8, 8], [8, 8], []], 'float')?.bytes).toBe(3 * 64 * 4);
  expect(
    work(
      'aten::mul',
      [
        [8, 8],
        [1, 8],
      ],
      'float',
    )?.bytes,
  ).toBe((64 + 8 + 64) * 4);
  expect(work('aten::add_', [[8, 8], [8, 8], []], 'float', [[8, 1], [0, 1], []])?.bytes).toBe((64 + 8 + 64) * 4);
  expect(
    work(
      'aten::eq',
      [
        [8, 8],
        [8, 8],
      ],
      'float',
    )?.bytes,
  ).toBe(2 * 64 * 4 + 64);
  expect(work('aten::fill_', [[8, 8], []], 'float')?.bytes).toBe(64 * 4);
  expect(work('aten::copy_', [[8, 8], [8, 8], []], 'float')?.bytes).toBe(2 * 64 * 4);
  expect(work('aten::sum', [[8, 8], [], []], 'float')?.bytes).toBe(64 * 4);
  expect(
    work(
      'aten::native_layer_norm_backward',
      [
        [8, 8],
        [8, 8],
      ],
      'float',
    )?.bytes,
  ).toBe(3 * 64 * 4);
  expect(work('aten::not_an_operator', [[8, 8]], 'float')).toBeUndefined();
});

test('whatever a trace holds as inputs gives a model a finite number, not a number, or nothing', () => {
  const names = [
    'aten::mm',
    'aten::addmm',
    'aten::convolution',
    'aten::_flash_attention_forward',
    'aten::add',
    'aten::sum',
    'aten::_softmax',
    'triton_poi_x',
  ];
  const json = fc.json({ maxDepth: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...names), json, json, json, json, (name, dims, types, strides, values) => {
      const given = operatorArguments({ dims, types, strides, values });
      const told = given === undefined ? undefined : operatorWork(name, given);
      if (told === undefined) return;
      expect(told.flops < 0).toBe(false);
      expect(told.bytes < 0).toBe(false);
    }),
    { numRuns: 2000 },
  );
});

test('peaks are those of the device that a driver names, and of no other', () => {
  expect(devicePeaks('NVIDIA A100-SXM4-80GB')?.memoryTb).toBe(2.039);
  expect(devicePeaks('NVIDIA A100-SXM4-40GB')?.memoryTb).toBe(1.555);
  expect(devicePeaks('NVIDIA H100 80GB HBM3')?.fp16).toBe(989.4);
  expect(devicePeaks('NVIDIA H100 PCIe')?.memoryTb).toBe(2);
  expect(devicePeaks('AMD Instinct MI300X VF')?.memoryTb).toBe(5.3);
  expect(devicePeaks('NVIDIA L4')?.memoryTb).toBe(0.3);
  expect(devicePeaks('NVIDIA A1000 Laptop')).toBeUndefined();
  expect(devicePeaks('')).toBeUndefined();
});

const event = (cat: string, name: string, ts: number, dur: number, args: object, tid = 1) =>
  JSON.stringify({ ph: 'X', cat, name, pid: 1, tid, ts, dur, args });
const bytes = (text: string) => new TextEncoder().encode(text);

/** A call of an operator inside another, its launch and its kernel. */
function called(outer: string, inner: string, shape: object, launch: object, kernel: object): Uint8Array {
  const events = [
    event('cpu_op', outer, 0, 100, shape),
    event('cpu_op', inner, 10, 50, {}),
    event('cuda_runtime', 'cudaLaunchKernel', 20, 5, launch),
    event('kernel', 'k', 200, 80, { device: 0, stream: 7, ...kernel }, 7),
  ];
  return bytes(
    `{"deviceProperties": [{"id": 0, "name": "NVIDIA A100-SXM4-80GB"}], "traceEvents": [${events.join(',')}]}`,
  );
}

test('a part of attention without shapes is charged to the attention around it; other inner operators are not', () => {
  const q = [2, 128, 8, 64];
  const shape = { 'Input Dims': [q, q, q], 'Input type': ['c10::Half', 'c10::Half', 'c10::Half'] };
  const link = { correlation: 9 };
  const sums = (inner: string) => {
    const [facts] = traceFacts('x', scanTrace(called('aten::_flash_attention_forward', inner, shape, link, link)));
    return operatorFacts(facts)?.operators.map(({ name }) => name);
  };
  expect(sums('mha_fwd_attention_part')).toEqual(['aten::_flash_attention_forward']);
  expect(sums('aten::empty')).toEqual([]);
});

test('of a trace without correlations GPU events are joined with launches by their external ids', () => {
  const shape = {
    'Input dims': [
      [64, 64],
      [64, 64],
    ],
    'Input type': ['float', 'float'],
  };
  const trace = scanTrace(called('aten::mm', 'aten::x', {}, { 'External id': 5 }, { 'External id': 5 }));
  expect(trace.inputs.count).toBe(0);
  expect(traceFacts('x', trace)[0].hasLaunches).toBe(true);
  const mixed = scanTrace(called('aten::mm', 'aten::x', shape, { correlation: 5 }, { 'External id': 5 }));
  expect(traceFacts('x', mixed)[0].hasLaunches).toBe(false);
  expect(mixed.inputs.count).toBe(1);
});

/** Per call of the recorded files: µs, GFLOP, TFLOP/s, MB, TB/s, computed by hand from the raw events (data README). */
const recorded = [
  ['gemm/gemm_01_compute_few_tiles', 'aten::mm', 1089.0, 34.36, 31.6, undefined, undefined],
  ['gemm/gemm_02_compute_non_pow2', 'aten::mm', 107.1, 17.213, 160.7, undefined, undefined],
  [
    'attention/sdpa_01_long_seq_low_eff',
    'aten::_flash_attention_forward',
    65_846,
    17_592.2,
    267.2,
    undefined,
    undefined,
  ],
  ['attention/sdpa_03_short_seq_overhead', 'aten::_flash_attention_forward', 108.05, 4.295, 39.7, undefined, undefined],
  ['attention/sdpa_04_large_head_dim', 'aten::_flash_attention_forward', 6519.7, 549.756, 84.3, undefined, undefined],
  ['elementwise/elem_01_add_poor_bw', 'aten::add', 421.02, undefined, undefined, 805.3, 1.913],
] as const;

describe.skipIf(!hasSharedData)(`recorded operators${whySkipped}`, () => {
  for (const [file, name, us, gflop, tflops, mb, tb] of recorded) {
    test(`${file}: time, work and speed of a call are those of the raw events`, async () => {
      const trace = await readTraceFile(sharedPath(`torch_trace/single_op/${file}.json.gz`));
      const [facts] = traceFacts(file, trace);
      const first = operatorFacts(facts)?.operators[0] as OperatorSum;
      expect(first).toMatchObject({ name, calls: 10 });
      expect(first.us / first.calls).toBeCloseTo(us, us > 1000 ? 0 : 1);
      if (gflop !== undefined) expect((first.flops ?? 0) / 1e9 / gflop).toBeCloseTo(1, 3);
      if (tflops !== undefined) expect(Math.abs((first.tflops ?? 0) - tflops)).toBeLessThan(0.06);
      if (mb !== undefined) expect(first.bytes).toBeCloseTo(mb * 1e6, -5);
      if (tb !== undefined) expect(first.tbPerS).toBeCloseTo(tb, 3);
    });
  }

  test('an addition at 36 % of the memory of an MI300X is the first finding; a product on an unnamed GPU only if it is named', async () => {
    const elem = sharedPath('torch_trace/single_op/elementwise/elem_01_add_poor_bw.json.gz');
    const trace = await readTraceFile(elem);
    const [first] = diagnose([{ kind: 'trace', path: elem, trace }]).findings;
    expect(first).toMatchObject({ cause: 'kernel-efficiency', severity: 'warning' });
    expect(first.evidence.find(({ unit }) => unit === '% of the memory peak')?.value).toBe(36.1);
    const gemm = sharedPath('torch_trace/single_op/gemm/gemm_01_compute_few_tiles.json.gz');
    const product = { kind: 'trace', path: gemm, trace: await readTraceFile(gemm) } as const;
    expect(diagnose([product]).findings).toEqual([]);
    expect(diagnose([product]).traces[0].limitations.join()).toContain('--device');
    expect(diagnose([product], [], { device: 'MI300X' }).findings[0].shareOfStep).toBeGreaterThan(0.9);
  });
});
