import type { ServedVersion } from '../../versions/cache/served-version.ts';
import type { Timed } from '../../versions/queue/model-statistics.ts';

const NS_PER_MS = 1e6;

/** Counts of a version as the protocol's extension writes them; times in ns, `last_inference` in ms. */
export function statisticsJson({ name, version, statistics }: ServedVersion): Readonly<Record<string, unknown>> {
  const { success, fail, queue, computeInput, computeInfer, computeOutput, cacheHit, cacheMiss, batches } = statistics;
  return {
    name,
    version,
    last_inference: statistics.lastInference,
    inference_count: statistics.inferences,
    execution_count: statistics.executions,
    inference_stats: {
      success: timedJson(success),
      fail: timedJson(fail),
      queue: timedJson(queue),
      compute_input: timedJson(computeInput),
      compute_infer: timedJson(computeInfer),
      compute_output: timedJson(computeOutput),
      cache_hit: timedJson(cacheHit),
      cache_miss: timedJson(cacheMiss),
    },
    batch_stats: [...batches]
      .sort(([a], [b]) => a - b)
      .map(([size, timed]) => ({
        batch_size: size,
        compute_input: { count: timed.count, ns: 0 },
        compute_infer: timedJson(timed),
        compute_output: { count: timed.count, ns: 0 },
      })),
  };
}

/** A count and its time, ns. */
function timedJson({ count, ms }: Timed): { readonly count: number; readonly ns: number } {
  return { count, ns: Math.round(ms * NS_PER_MS) };
}
