import { rows } from './row.ts';

/** Errors of instants that callers send: the same at every place that takes one. */
export const instantErrors = rows({
  INSTANT_UNIT: {
    message: 'the instant {column} of {where} is {found}, which is only plausible in {unit}',
    hint: 'send UTC epoch milliseconds as a whole number; a column that has such values can declare them: time({ range })',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  INSTANT_VALUE: {
    message: 'the instant {column} of {where} is {found}; expected {expected}',
    hint: 'send UTC epoch milliseconds as a whole number',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
