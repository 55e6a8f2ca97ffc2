import { historyState } from '../featurestore/training-set/history-state.ts';
import type { SpineJoin } from '../serving/batch/input-table.ts';
import type { BatchContext } from '../serving/batch/start-batch.ts';
import { scoresOf } from '../site/back-ends/environment-back-ends.ts';
import { batchOutgoing, batchProgram, batchScratch, openVersionTools } from '../site/batch-tools.ts';
import { type BatchPlace, batchFiles } from '../site/batch-worker-tools.ts';
import { openRemoteFiles } from '../site/file-reader.ts';
import { runtimes } from '../site/runtimes.ts';
import type { OpenProject } from './opened-project.ts';
import { flushParts } from './opened-project.ts';

/** The context of an environment's batch jobs. */
export function batchContext(
  place: BatchPlace,
  parts: Pick<BatchContext, 'registry' | 'artifacts' | 'joins'> &
    Partial<Pick<BatchContext, 'scores' | 'openVersions' | 'rollouts'>>,
): BatchContext {
  const { directory } = place;
  return {
    scores: () => 'embedded',
    openVersions: () => openVersionTools(place, parts.artifacts),
    ...parts,
    files: batchFiles,
    program: batchProgram(place),
    scratch: batchScratch(directory),
    outgoing: batchOutgoing(directory),
    openStore: openRemoteFiles,
    monotonic: () => performance.now(),
  };
}

/** The context of the batch jobs of an open project. */
export function openBatchContext({ environment, stores, parts, training, models }: OpenProject): BatchContext {
  const joins: SpineJoin = {
    position: async (service) => {
      await flushParts(parts);
      return historyState(service, stores.offline);
    },
    join: async (service, spine, mode, path) => {
      await training.writeSet(service, path, { spine, mode });
    },
  };
  const { registry, artifacts, python, rollouts } = stores;
  return batchContext(environment, {
    registry,
    artifacts,
    joins,
    rollouts: { store: rollouts, judge: ({ name }) => models.named(name).rollouts.control.look() },
    scores: () => scoresOf(environment),
    openVersions: async () => ({ artifacts, python, runtime: runtimes.process, close: async () => undefined }),
  });
}
