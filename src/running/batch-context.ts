import { scoresOf } from '../compose/back-ends.ts';
import { batchOutgoing, batchProgram, batchScratch, batchTools } from '../compose/batch-tools.ts';
import { openRemoteFiles } from '../compose/compose.ts';
import { historyState } from '../featurestore/training-set/history-state.ts';
import type { SpineJoin } from '../serving/batch/input-table.ts';
import type { BatchContext } from '../serving/batch/start-batch.ts';
import type { OpenProject } from './open-project.ts';
import { flushParts } from './open-project.ts';

/** The context of an environment's batch jobs. */
export function batchContext(
  directory: string,
  parts: Pick<BatchContext, 'registry' | 'joins'> & Partial<Pick<BatchContext, 'scores'>>,
): BatchContext {
  const { files, artifacts } = batchTools(directory);
  return {
    scores: () => 'embedded',
    ...parts,
    files,
    artifacts,
    program: batchProgram(directory),
    scratch: batchScratch(directory),
    outgoing: batchOutgoing(directory),
    openStore: openRemoteFiles,
    monotonic: () => performance.now(),
  };
}

/** The context of the batch jobs of an open project. */
export function openBatchContext({ environment, stores, parts, training }: OpenProject): BatchContext {
  const joins: SpineJoin = {
    position: async (service) => {
      await flushParts(parts);
      return historyState(service, stores.offline);
    },
    join: async (service, spine, mode, path) => {
      await training.writeSet(service, path, { spine, mode });
    },
  };
  return batchContext(environment.directory, { registry: stores.registry, joins, scores: () => scoresOf(environment) });
}
