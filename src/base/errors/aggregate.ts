import { rows } from './row.ts';

/** What can be wrong with stored partial aggregates. */
export const aggregateErrors = rows({
  AGGREGATE_TEXT: {
    message: 'a stored partial is no time, id and value: {text}',
    mend: 'the file was not written by this version or is damaged: run headrace backfill for the view',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
