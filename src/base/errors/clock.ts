import { later } from './row.ts';

/** States of the clock. Their texts are in `degraded`. */
export const clockErrors = {
  CLOCK_AHEAD: later(503, 4)
    .message(
      'the clock of the system is {aheadMs} ms ahead of the time that Headrace expects, and Headrace uses the expected time',
    )
    .hint('correct the clock, or, if it is right now, run headrace log repair-clock --accept'),
  CLOCK_BEHIND: later(503, 4)
    .message(
      'the clock of the system is {behindMs} ms behind the time that Headrace expects, and Headrace uses the clock of the system',
    )
    .hint(
      'correct the clock, or, if it is right now, run headrace log repair-clock --accept; after an hour it counts as right',
    ),
  CLOCK_LOG_AHEAD: later(503, 4)
    .message(
      'the log of {source} has ingest times that are {aheadMs} ms ahead: a clock was ahead, or this one is behind',
    )
    .hint(
      'correct the clock if it is behind; otherwise stop the server and run headrace log repair-clock --dry-run, then without --dry-run',
    ),
};
