import { rows } from './row.ts';

/** What can be wrong with the online store. */
export const storeErrors = rows({
  STORE_LOCKED: {
    message: 'another process writes the online store {path}',
    mend: 'stop it, or use another directory',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  STORE_ABSENT: {
    message: 'there is no online store {path}',
    mend: 'start the process that writes it first (headrace serve)',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  STORE_CORRUPT: {
    message: 'the online store {path} is damaged: {reason}',
    mend: 'move the file away and start again: the tiles are rebuilt from the log, older ones by headrace backfill',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  STORE_FORMAT: {
    message: 'the online store {path} has format {found}; this version knows {known}',
    mend: 'run the version of headrace that wrote it, or a newer one',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  STORE_WRITE: {
    message: 'the online store {path} cannot be used: {reason}',
    mend: 'free space, or make the directory writable; the log has every event',
    retry: 'later',
    status: 503,
    exit: 4,
  },
});
