import { availableParallelism } from 'node:os';
import type { ViewScorer } from '../featurestore/batch/scored-view.ts';
import { progressText, spacedProgress } from '../serving/batch/batch-progress.ts';
import { startBatch } from '../serving/batch/start-batch.ts';
import { batchScores } from '../site/batch-tools.ts';
import { openBatchContext } from './batch-context.ts';
import type { OpenProject } from './opened-project.ts';

/** Scores the requests of scored views by batch jobs, on all cores but one: the process continues to serve. */
export function viewScorer(directory: string, opened: () => OpenProject): ViewScorer {
  return {
    folder: batchScores(directory),
    score: async ({ entity, scores: { model, mostErrors } }, { from, to, signal, onProgress }) => {
      const { result, shadow } = await startBatch(
        model,
        {
          from,
          to,
          spine: {},
          keep: Object.keys(entity.key),
          replace: true,
          workers: Math.max(1, availableParallelism() - 1),
          mostErrors,
          signal: signal ?? undefined,
          onProgress: spacedProgress((progress) => onProgress(progressText(progress))),
        },
        openBatchContext(opened()),
      );
      const { files } = await result;
      // The next run replaces both outputs.
      await shadow;
      return files;
    },
  };
}
