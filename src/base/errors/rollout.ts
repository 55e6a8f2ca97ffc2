import { rows } from './row.ts';

/** Errors of rollouts: their declaration, their state and their store. */
export const rolloutErrors = rows({
  MODEL_ROLLOUT: {
    message: 'model {model} declares a rollout that cannot run: {option}: {reason}',
    hint: 'correct the option; docs/guide/rollouts.md lists them',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  ROLLOUT_ACTIVE: {
    message: 'model {model} has the rollout {rollout} of version {version} under way',
    hint: 'promote it or roll it back first with headrace rollout',
    retry: 'never',
    status: 409,
    exit: 5,
  },
  ROLLOUT_NONE: {
    message: 'model {model} has no rollout under way',
    hint: 'start one with headrace rollout start <model> <version>',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  ROLLOUT_CANDIDATE: {
    message: 'version {version} of model {model} cannot be rolled out: {reason}',
    hint: 'choose a version that is not champion, of a model that has a champion',
    retry: 'never',
    status: 409,
    exit: 2,
  },
  ROLLOUT_STATE: {
    message: 'the rollout {rollout} of model {model} is {state}: it cannot {event}',
    hint: 'read its state with headrace rollout status <model>',
    retry: 'never',
    status: 409,
    exit: 5,
  },
  ROLLOUT_MOVED: {
    message: 'the rollout {rollout} was changed by another process: it has revision {found}, not {expected}',
    hint: 'read its state, then decide again',
    retry: 'safe',
    status: 409,
    exit: 5,
  },
  ROLLOUT_FILE: {
    message: 'the rollouts {path} cannot be used: {reason}',
    hint: 'restore the file from a backup, or make it readable and writable',
    retry: 'never',
    status: 503,
    exit: 4,
  },
  ROLLOUT_FORMAT: {
    message: 'the rollouts {path} have format {format}; this version knows {known}',
    hint: 'run the version of headrace that wrote it, or a newer one',
    retry: 'never',
    status: 503,
    exit: 4,
  },
  ROLLOUT_BUSY: {
    message: 'another process holds the rollouts {path}',
    hint: 'retry; if it persists, stop the process that holds a write transaction open',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  ROLLOUT_WRITE: {
    message: 'the rollouts {path} cannot be written: {reason}',
    hint: 'free disk space, or make the file and its directory writable; nothing of the change was stored',
    retry: 'later',
    status: 503,
    exit: 4,
  },
});
