import { onnxRuntime } from '../../src/backends/onnx/onnx-runtime.ts';
import { loadScorer } from '../../src/registry/scorer.ts';
import { fedRows } from '../models/fed-rows.ts';
import { computedMs } from './computed-ms.ts';
import { type Kind, onnxOf, SIGNATURE } from './versions.ts';

/** How long a run of a version computes on this machine, ms: the least of five. It takes no less time, however busy the machine is. */
export async function runMsOf(kind: Kind): Promise<number> {
  const loaded = await loadScorer(onnxRuntime, onnxOf(kind, 1), SIGNATURE);
  const took: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    const start = computedMs();
    await loaded.run(fedRows(loaded, [0]));
    took.push(computedMs() - start);
  }
  await loaded.close();
  return Math.min(...took);
}
