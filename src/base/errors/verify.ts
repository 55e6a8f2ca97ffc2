import { never, safe } from './row.ts';

/** Errors of `headrace verify`. */
export const verifyErrors = {
  VERIFY_BROKEN: never(500, 1)
    .message('{broken} of {rules} rules fail on environment {environment}; the first is {first}')
    .hint('fix the failures in the output, and run headrace verify again before the environment receives events'),
  VERIFY_STOPPED: safe(500, 6)
    .message('the check of environment {environment} was stopped after {done} of {rules} rules')
    .hint('run headrace verify again; the stopped check left nothing in the stores'),
  VERIFY_LEFT: safe(500, 4)
    .message(
      'the check of environment {environment} could not remove its data, whose names start with {names}: {reason}',
    )
    .hint('fix the reason and run headrace verify again; it removes the data first'),
};
