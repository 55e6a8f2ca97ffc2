import type { Status } from '../observe/status.ts';
import type { Headrace } from '../running/headrace.ts';

/** The served project: of the process that writes it, or of a reader. */
export interface ServedProject
  extends Pick<
    Headrace,
    | 'project'
    | 'directory'
    | 'service'
    | 'read'
    | 'vectorText'
    | 'turnedAway'
    | 'notReady'
    | 'degraded'
    | 'slo'
    | 'metrics'
    | 'tracer'
    | 'models'
    | 'inferenceServer'
  > {
  status(): Status;
  /** Makes predictions; null: the process has no way to the log. */
  readonly predicting: PredictingProject | null;
}

/** Makes predictions, in the process that has the log or in one that hands them to it. */
export type PredictingProject = Pick<
  Headrace,
  'project' | 'model' | 'predictMany' | 'pipeline' | 'predictPipeline' | 'turnedAway'
>;
