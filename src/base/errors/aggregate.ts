import { rows } from './row.ts';

/** Errors of declared aggregates and stored partials. */
export const aggregateErrors = rows({
  AGGREGATE_INPUT: {
    message: 'aggregate {aggregate}: {kind} accepts an input of type {types}, not {type}',
    hint: 'use such a column; for sum, mean and variance declare a float as decimal, because a float sum depends on the order of events',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  AGGREGATE_TEXT: {
    message: 'stored partial {text} is not `time|id|value`',
    hint: 'run headrace backfill for the view: the file is damaged, or another version wrote it',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
