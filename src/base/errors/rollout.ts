import { later, never, safe } from './row.ts';

/** Errors of rollouts: their declaration, their state and their store. */
export const rolloutErrors = {
  MODEL_ROLLOUT: never(400, 2)
    .message('a rollout of model {model} cannot run so: {option}: {reason}')
    .hint('correct the option; docs/guide/rollouts.md lists them'),
  ROLLOUT_ACTIVE: never(409, 5)
    .message('model {model} has the rollout {rollout} of version {version} under way')
    .hint('promote it or roll it back first with headrace rollout'),
  ROLLOUT_NONE: never(404, 2)
    .message('model {model} has no rollout under way')
    .hint('start one with headrace rollout start <model> <version>'),
  ROLLOUT_CANDIDATE: never(409, 2)
    .message('version {version} of model {model} cannot be rolled out: {reason}')
    .hint('choose a version that is not champion, of a model that has a champion'),
  ROLLOUT_PIPELINE: never(409, 2)
    .message('{pipeline} is a pipeline, which has the one version of its declaration; its models are {models}')
    .hint('roll out a version of one of its models: callers of the pipeline are among its callers'),
  ROLLOUT_STATE: never(409, 5)
    .message('the rollout {rollout} of model {model} is {state}: it cannot {event}')
    .hint('read its state with headrace rollout status <model>'),
  ROLLOUT_MOVED: safe(409, 5)
    .message('the rollout {rollout} was changed by another process: it has revision {found}, not {expected}')
    .hint('read its state, then decide again'),
  ROLLOUT_FILE: never(503, 4)
    .message('the rollouts {path} cannot be used: {reason}')
    .hint('restore the file from a backup, or make it readable and writable'),
  ROLLOUT_FORMAT: never(503, 4)
    .message('the rollouts {path} have format {format}; this version knows {known}')
    .hint('run the version of headrace that wrote it, or a newer one'),
  ROLLOUT_BUSY: later(503, 5)
    .message('another process holds the rollouts {path}')
    .hint('retry; if it persists, stop the process that holds a write transaction open'),
  ROLLOUT_WRITE: later(503, 4)
    .message('the rollouts {path} cannot be written: {reason}')
    .hint('free disk space, or make the file and its directory writable; nothing of the change was stored'),
};
