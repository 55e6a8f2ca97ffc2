import type { ModelRegistry } from '../ports/model-registry.ts';

/** Runs of one transaction. */
const TOGETHER = 100;

/** Rows that were removed for good. */
export interface Purged {
  readonly runs: number;
  readonly experiments: number;
}

/**
 * Removes runs and experiments for good that were deleted before `before` (epoch ms), with their metrics, params, tags and names of
 * artefacts. A run that a version or a logged model came from stays. Contents are erased by the next collection. Interrupted, it has
 * removed whole runs. Errors: those of the registry.
 */
export async function purge(
  registry: Pick<ModelRegistry, 'purgeRuns' | 'purgeExperiments'>,
  before: number,
): Promise<Purged> {
  let runs = 0;
  for (;;) {
    const removed = await registry.purgeRuns(before, TOGETHER);
    runs += removed;
    if (removed < TOGETHER) break;
  }
  return { runs, experiments: await registry.purgeExperiments(before) };
}
