import { rows } from './row.ts';

/** Errors of `headrace verify`. */
export const verifyErrors = rows({
  VERIFY_BROKEN: {
    message: '{broken} of {rules} rules fail on environment {environment}; the first is {first}',
    hint: 'fix the failures in the output, and run headrace verify again before the environment receives events',
    retry: 'never',
    status: 500,
    exit: 1,
  },
  VERIFY_STOPPED: {
    message: 'the check of environment {environment} was stopped after {done} of {rules} rules',
    hint: 'run headrace verify again; the stopped check left nothing in the stores',
    retry: 'safe',
    status: 500,
    exit: 6,
  },
  VERIFY_LEFT: {
    message:
      'the check of environment {environment} could not remove its data, whose names start with {names}: {reason}',
    hint: 'fix the reason and run headrace verify again; it removes the data first',
    retry: 'safe',
    status: 500,
    exit: 4,
  },
});
