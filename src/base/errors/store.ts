import { later, never } from './row.ts';

/** Errors of the online store. */
export const storeErrors = {
  STORE_LOCKED: later(503, 4)
    .message('another process is writing the online store {path}')
    .hint('stop that process, or use another directory'),
  STORE_LOST: later(503, 5)
    .message('the online store {path} lost writes that it had acknowledged')
    .hint('nothing to do: the log restores them; answers are degraded until then'),
  STORE_ABSENT: later(503, 4)
    .message('there is no online store {path}')
    .hint('start the process that writes it (headrace serve)'),
  STORE_CORRUPT: never(500, 4)
    .message('the online store {path} is damaged: {reason}')
    .hint('move the file away and start again: the log rebuilds the recent tiles, headrace backfill the older ones'),
  STORE_FORMAT: never(500, 4)
    .message('the online store {path} has format {found}; this version knows {known}')
    .hint('run the version of headrace that wrote it, or a newer one'),
  STORE_WRITE: later(503, 4)
    .message('the online store {path} cannot be used: {reason}')
    .hint('free disk space, or make the directory writable; the log has every event'),
};
