import { rows } from './row.ts';

/** Errors of the online store. */
export const storeErrors = rows({
  STORE_LOCKED: {
    message: 'another process is writing the online store {path}',
    hint: 'stop that process, or use another directory',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  STORE_LOST: {
    message: 'the online store {path} lost writes that it had acknowledged',
    hint: 'nothing to do: the log restores them; answers are degraded until then',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  STORE_ABSENT: {
    message: 'there is no online store {path}',
    hint: 'start the process that writes it (headrace serve)',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  STORE_CORRUPT: {
    message: 'the online store {path} is damaged: {reason}',
    hint: 'move the file away and start again: the log rebuilds the recent tiles, headrace backfill the older ones',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  STORE_FORMAT: {
    message: 'the online store {path} has format {found}; this version knows {known}',
    hint: 'run the version of headrace that wrote it, or a newer one',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  STORE_WRITE: {
    message: 'the online store {path} cannot be used: {reason}',
    hint: 'free disk space, or make the directory writable; the log has every event',
    retry: 'later',
    status: 503,
    exit: 4,
  },
});
