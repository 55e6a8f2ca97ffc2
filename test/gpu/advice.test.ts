import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seeds } from '../../scripts/gpu/fuzz.ts';
import { seededRandom } from '../../src/base/rng.ts';
import { diagnose } from '../../src/gpu/diagnose.ts';
import { parseText, type TextKind } from '../../src/gpu/readers/parse-text.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { faultKinds, trainingRun } from '../../src/labs/captures/training-run.ts';
import { dmonLog } from './captures/counters.ts';
import { scanTrace } from './captures/scan-trace.ts';

/** Files that may be given with traces, and how advice would ask for them. */
const more: Readonly<Record<string, { readonly kind: TextKind; readonly text: string; readonly ask: RegExp }>> = {
  kernels: { kind: 'ncu-csv', text: seeds['ncu-csv'][0] ?? '', ask: /ncu .*--csv/ },
  samples: { kind: 'dmon', text: dmonLog(seededRandom(3)), ask: /nvidia-smi dmon(?!.*gpm)/ },
  jobs: { kind: 'sacct', text: seeds.sacct[1] ?? '', ask: /\bsacct -a/ },
  fabric: { kind: 'nccl-tests', text: seeds['nccl-tests'][0] ?? '', ask: /all_reduce_perf/ },
};

test('advice never asks for what was given', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...faultKinds),
      fc.integer({ min: 1, max: 3 }),
      fc.subarray(Object.keys(more)),
      fc.integer({ min: 1, max: 1e6 }),
      (fault, ranks, given, seed) => {
        const options = { fault, share: 0.35, steps: 7, kernelsPerStep: 30, kernelUs: 80, ranks };
        const traces = trainingRun({ ...options, random: seededRandom(seed) }).map((capture) => ({
          kind: 'trace' as const,
          path: `rank-${capture.rank}.json`,
          trace: scanTrace(new TextEncoder().encode(captureJson(capture))),
        }));
        const files = given.map((name) => parseText(more[name].kind, `${name}.txt`, more[name].text));
        const { findings, reasons, levels } = diagnose([...traces, ...files]);
        const asked = [
          ...findings.flatMap(({ fix, nextCommand }) => [...fix, nextCommand]),
          ...reasons,
          ...levels.flatMap(({ missing }) => missing ?? []),
        ];
        for (const name of given) expect(asked.filter((text) => more[name].ask.test(text))).toEqual([]);
        expect(asked.filter((text) => /record a trace/.test(text))).toEqual([]);
        if (ranks > 1) expect(asked.filter((text) => /rank\*|traces of all ranks/.test(text))).toEqual([]);
      },
    ),
    { numRuns: 12 },
  );
});
