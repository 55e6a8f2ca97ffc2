import { rows } from './row.ts';

/** Faults that keep a project from closing with everything written. */
export const closeErrors = rows({
  CLOSE_UNFINISHED: {
    message: 'the project has ended before everything was written: {left}. {reason}',
    hint: 'bring back what is away, then start it again: it reads the events and predictions that it names from the log again',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  CLOSE_LATE: {
    message: 'everything that was accepted is written, but {steps} did not end within {seconds} s',
    hint: 'there is nothing to do; raise --close-within where the machine is busy',
    retry: 'never',
    status: 503,
    exit: 5,
  },
  CLOSE_OPENING: {
    message:
      'the process was asked to stop while it opened the project, and the opening did not end within {seconds} s',
    hint: 'start it again: an opening that is cut off loses nothing',
    retry: 'later',
    status: 503,
    exit: 5,
  },
});
