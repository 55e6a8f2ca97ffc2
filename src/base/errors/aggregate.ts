import { never } from './row.ts';

/** Errors of declared aggregates and stored partials. */
export const aggregateErrors = {
  AGGREGATE_INPUT: never(400, 2)
    .message('aggregate {aggregate}: {kind} accepts an input of type {types}, not {type}')
    .hint(
      'use such a column; for sum, mean and variance declare a float as decimal, because a float sum depends on the order of events',
    ),
  AGGREGATE_TEXT: never(500, 4)
    .message('stored partial {text} is not `time|id|value`')
    .hint('run headrace backfill for the view: the file is damaged, or another version wrote it'),
};
