import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { loadScorer } from '../../src/registry/scorer.ts';
import { type Kind, onnxOf, SIGNATURE } from './versions.ts';

/** How long a run of a version takes alone on this machine, ms: the median of five. */
export async function runMsOf(kind: Kind): Promise<number> {
  const loaded = await loadScorer(onnxRuntime, onnxOf(kind, 1), SIGNATURE);
  const took: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    const start = performance.now();
    await loaded.run(Float32Array.of(0), 1);
    took.push(performance.now() - start);
  }
  await loaded.close();
  return took.toSorted((a, b) => a - b)[2];
}
