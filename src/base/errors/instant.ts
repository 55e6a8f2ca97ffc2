import { never } from './row.ts';

/** Errors of instants that callers send: the same at every place that takes one. */
export const instantErrors = {
  INSTANT_UNIT: never(400, 2)
    .message('the instant {column} of {where} is {found}, which is only plausible in {unit}')
    .hint(
      'send UTC epoch milliseconds as a whole number; a column that has such values can declare them: time({ range })',
    ),
  INSTANT_VALUE: never(400, 2)
    .message('the instant {column} of {where} is {found}; expected {expected}')
    .hint('send UTC epoch milliseconds as a whole number'),
};
