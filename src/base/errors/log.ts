import { rows } from './row.ts';

/** What can be wrong with the event log. */
export const logErrors = rows({
  LOG_TOPIC: {
    message: 'the log has no topic {topic}',
    mend: 'open it before it is used; the gateway opens one for each declared source',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  LOG_PARTITIONS: {
    message: 'topic {topic} has {partitions} partitions, and {asked} are configured',
    mend: 'configure the number that it has; it cannot be changed while the log holds events',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  LOG_ORDER: {
    message: 'an append to {topic}, partition {partition}, has the ingest time {ingestTs}, before {last}',
    mend: 'let one gateway stamp the events; never append with a clock that runs back',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  LOG_TRIMMED: {
    message: 'offset {offset} of {topic}, partition {partition}, is gone; the log begins at {begin}',
    mend: 'start the reader anew from the offline store (headrace backfill), or keep the log for longer',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  LOG_LOCKED: {
    message: 'another process writes the log {path}',
    mend: 'stop it, or use another directory',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  LOG_WRITE: {
    message: 'the log cannot be written at {path}: {reason}',
    mend: 'free space, or make the directory writable; what was acknowledged is safe, this append is not in the log',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  LOG_SIZE: {
    message: 'an append to {topic} has {bytes} bytes; at most {most} can be appended at once',
    mend: 'append fewer events at once',
    retry: 'never',
    status: 413,
    exit: 4,
  },
  LOG_FORMAT: {
    message: 'the log file {path} has format {found}; this version knows {known}',
    mend: 'run the version of headrace that wrote it, or a newer one',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  LOG_CORRUPT: {
    message: 'the log file {path} is damaged at byte {byte}: {reason}',
    mend: 'restore the file from a backup; the history in the offline store has what was published',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  LOG_CUT: {
    message: '{bytes} bytes at the end of {topic}, partition {partition}, were no whole append and were cut off',
    mend: 'with durability "process" a loss of power may have cost the last events: send those again that were sent just before',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
