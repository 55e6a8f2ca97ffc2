import { operatorFacts } from '../../src/gpu/analysis/operators/operators.ts';
import { traceFacts } from '../../src/gpu/analysis/trace-facts.ts';
import { readTraceFile } from '../../src/gpu/readers/trace/read-trace.ts';
import { sharedPath } from '../../test/gpu/shared-data.ts';
import { numberRow, type ParityRow } from './parity-row.ts';

/** Per call: µs, and what was worked out by hand from the raw events and shapes of the file. */
const byHand: readonly (readonly [string, Readonly<Record<string, readonly [number, number]>>])[] = [
  ['gemm/gemm_01_compute_few_tiles', { us: [1089, 0.05], GFLOP: [34.36, 0.0005], 'TFLOP/s': [31.6, 0.05] }],
  ['gemm/gemm_02_compute_non_pow2', { us: [107.1, 0.05], 'TFLOP/s': [160.7, 0.05] }],
  ['attention/sdpa_01_long_seq_low_eff', { us: [65_846, 0.5], 'TFLOP/s': [267.2, 0.05] }],
  ['attention/sdpa_03_short_seq_overhead', { us: [108.05, 0.005], 'TFLOP/s': [39.7, 0.06] }],
  ['attention/sdpa_04_large_head_dim', { us: [6519.7, 0.05], 'TFLOP/s': [84.3, 0.05] }],
  ['elementwise/elem_01_add_poor_bw', { us: [421.02, 0.005], MB: [805.3, 0.05], 'TB/s': [1.913, 0.0005] }],
];

/** Single operators: time, work by shape and speed of a call. */
export async function rooflineRows(): Promise<readonly ParityRow[]> {
  const rows: ParityRow[] = [];
  for (const [file, told] of byHand) {
    const trace = await readTraceFile(sharedPath(`torch_trace/single_op/${file}.json.gz`));
    const [first] = operatorFacts(traceFacts(file, trace)[0])?.operators ?? [];
    if (first === undefined) continue;
    const ours: Readonly<Record<string, number | null>> = {
      us: first.us / first.calls,
      GFLOP: first.flops === null ? null : first.flops / 1e9,
      'TFLOP/s': first.tflops,
      MB: first.bytes === null ? null : first.bytes / 1e6,
      'TB/s': first.tbPerS,
    };
    for (const [what, [expected, within]] of Object.entries(told))
      rows.push(numberRow('by hand', file, `${first.name}: ${what}`, expected, ours[what] ?? null, within, ''));
  }
  return rows;
}
