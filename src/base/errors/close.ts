import { later, never } from './row.ts';

/** Faults that keep a project from closing with everything written. */
export const closeErrors = {
  CLOSE_UNFINISHED: later(503, 5)
    .message('the project has ended before everything was written: {left}. {reason}')
    .hint(
      'bring back what is away, then start it again: it reads the events and predictions that it names from the log again',
    ),
  CLOSE_LATE: never(503, 5)
    .message('everything that was accepted is written, but {steps} did not end within {seconds} s')
    .hint('there is nothing to do; raise --close-within where the machine is busy'),
  CLOSE_OPENING: later(503, 5)
    .message(
      'the process was asked to stop while it opened the project, and the opening did not end within {seconds} s',
    )
    .hint('start it again: an opening that is cut off loses nothing'),
};
