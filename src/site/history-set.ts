import { fail } from '../base/errors/fail.ts';
import type { Environment } from '../environment/config.ts';
import type { FeatureServiceData, ModelData, ProjectData } from '../features/define/declaration.ts';
import type { AskedTrainingSet, TrainingSetRun } from '../featurestore/training-set/asked-training-set.ts';
import { type JoinedSpine, joinSpine } from '../featurestore/training-set/join-spine.ts';
import { type TrainingSetSummary, writeTrainingSet } from '../featurestore/training-set/training-set.ts';
import { historyOf } from './back-ends/environment-back-ends.ts';
import { withHistory } from './open-history.ts';

export interface HistorySetOptions extends TrainingSetRun {
  readonly project: Pick<ProjectData, 'models' | 'services'>;
  readonly environment: Environment;
  readonly onComputeError: (error: unknown) => void;
}

/**
 * Writes a training set from the published history of an environment, while another process writes it. Errors: MODEL_UNKNOWN,
 * SERVICE_UNKNOWN, those of the history and of the training set.
 */
export async function writeHistorySet(
  asked: AskedTrainingSet,
  { project, environment, onComputeError, onLine, signal }: HistorySetOptions,
): Promise<TrainingSetSummary | JoinedSpine> {
  return withHistory(environment, async (offline) => {
    const shared = {
      offline,
      engine: historyOf(environment).engine,
      mode: asked.mode,
      onComputeError: (_: unknown, error: unknown) => onComputeError(error),
      ...(onLine === undefined ? {} : { onProgress: onLine }),
      ...(signal === undefined ? {} : { signal }),
    };
    if (asked.kind === 'spine') {
      const service = serviceOf(project, asked.service);
      return joinSpine({ ...shared, service, spine: asked.spine, now: Date.now() }, asked.path);
    }
    const { between, now, exclude = [] } = asked;
    const model = modelOf(project, asked.model);
    return writeTrainingSet({ ...shared, model, between, now, exclude }, asked.path);
  });
}

function modelOf({ models }: HistorySetOptions['project'], name: string): ModelData {
  const model = models.find((one) => one.name === name);
  if (model === undefined) throw fail('MODEL_UNKNOWN', { model: name, known: models.map((one) => one.name) });
  return model;
}

function serviceOf({ services, models }: HistorySetOptions['project'], name: string): FeatureServiceData {
  const all = [...services, ...models.map(({ service }) => service)];
  const service = all.find((one) => one.name === name);
  if (service === undefined) throw fail('SERVICE_UNKNOWN', { service: name, known: all.map((one) => one.name) });
  return service;
}
