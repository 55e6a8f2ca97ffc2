import { rows } from './row.ts';

/** What running the rules of the ports on an environment can end with. */
export const verifyErrors = rows({
  VERIFY_BROKEN: {
    message: 'of {rules} rules on environment {environment}, {broken} do not hold; the first is {first}',
    mend: 'mend what the lines name, and run headrace verify again before the environment takes events',
    retry: 'never',
    status: 500,
    exit: 1,
  },
  VERIFY_STOPPED: {
    message: 'the check of environment {environment} was stopped behind {done} of {rules} rules',
    mend: 'run headrace verify again; nothing of it is left',
    retry: 'safe',
    status: 500,
    exit: 5,
  },
  VERIFY_LEFT: {
    message:
      'what was made to check environment {environment}, of names that begin with {names}, could not be removed: {reason}',
    mend: 'mend what it names and run headrace verify again, which removes it first',
    retry: 'safe',
    status: 500,
    exit: 4,
  },
});
