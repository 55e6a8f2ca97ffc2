import { rows } from './row.ts';

/** What can be wrong with a declared aggregate and with stored partials. */
export const aggregateErrors = rows({
  AGGREGATE_INPUT: {
    message: 'aggregate {aggregate}: {kind} takes an input of type {types}, not {type}',
    mend: 'give it such a column; the sum, mean or variance of a float depends on the order of events: declare the column as decimal',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  AGGREGATE_TEXT: {
    message: 'a stored partial is no time, id and value: {text}',
    mend: 'the file was not written by this version or is damaged: run headrace backfill for the view',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
