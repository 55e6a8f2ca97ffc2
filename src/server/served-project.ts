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
}
