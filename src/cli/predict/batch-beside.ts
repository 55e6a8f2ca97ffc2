import type { Environment } from '../../environment/config.ts';
import type { ModelData, ProjectData } from '../../features/define/declaration.ts';
import { historyState } from '../../featurestore/training-set/history-state.ts';
import { batchContext } from '../../running/batch-context.ts';
import type { SpineJoin } from '../../serving/batch/input-table.ts';
import type { ShadowSummary } from '../../serving/batch/shadow-job.ts';
import { type BatchOptions, type BatchSummary, startBatch } from '../../serving/batch/start-batch.ts';
import { scoresOf } from '../../site/back-ends/environment-back-ends.ts';
import { writeHistorySet } from '../../site/history-set.ts';
import { withSite } from '../../site/site.ts';

/** The output of a job, and the comparison with its challenger; null: there was none. */
export interface BatchAnswer extends BatchSummary {
  readonly shadow: ShadowSummary | null;
}

export interface BesideOptions {
  readonly project: ProjectData;
  readonly environment: Environment;
  readonly model: ModelData;
  /** Publishes the accepted events of the server. */
  readonly flush: () => Promise<unknown>;
  readonly onLine: (line: string) => void;
}

/** Runs a batch job while another process has the environment open: registry, artefacts and published history are read. */
export function startBeside(
  { project, environment, model, flush, onLine }: BesideOptions,
  options: BatchOptions,
): Promise<BatchAnswer> {
  const onComputeError = (error: unknown) => onLine(`headrace: ${String(error)}`);
  return withSite({ project, environment }, async (site) => {
    const joins: SpineJoin = {
      position: async (service) => {
        await flush();
        return site.withHistory(async (history) => historyState(service, history));
      },
      join: async (service, spine, mode, path) => {
        const asked = { kind: 'spine', service: service.name, spine, mode, path } as const;
        await writeHistorySet(asked, { project, environment, onComputeError });
      },
    };
    const { artifacts, registry, rollouts } = await site.open('artifacts', 'registry', 'rollouts');
    // The server judges.
    const own = { store: rollouts, judge: async () => undefined };
    const { id, result, shadow } = await startBatch(
      model,
      options,
      batchContext(environment, { registry, artifacts, joins, rollouts: own, scores: () => scoresOf(environment) }),
    );
    onLine(`headrace: job ${id}`);
    return { ...(await result), shadow: await shadow };
  });
}
