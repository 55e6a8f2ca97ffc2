import { rows } from './row.ts';

/** What can be wrong with a spine that a user brings, and with the training set asked for it. */
export const spineErrors = rows({
  SPINE_FILE: {
    message: 'the spine {path} cannot be read: {reason}',
    mend: 'name a whole file in Parquet, CSV with a header, or JSON lines; a file that was cut short must be written again',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  SPINE_FORMAT: {
    message: 'the format of the spine {path} is not known',
    mend: 'let its name end in .parquet, .csv, .tsv, .jsonl or .ndjson (.gz behind the last four), or say the format',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  SPINE_COLUMN: {
    message: 'the spine has no column {column}, which {use} needs; it has {found}',
    mend: 'add the column, or say which column of the spine it is',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  SPINE_TYPE: {
    message: 'the column {column} of the spine is {found}; the service takes {wanted}',
    mend: 'write the column in a type that keeps every value of the declared one',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  SPINE_VALUE: {
    message: 'row {row} of the spine has {column} = {found}; it takes {wanted}',
    mend: 'mend the row or leave it out',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  SPINE_NULL: {
    message: 'row {row} of the spine has no {column}',
    mend: 'leave such rows out, or declare the request column nullable: the row is then kept, without an answer for its lookups',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  SPINE_NAME: {
    message: 'the spine has a column {column}, which is the name of a feature or of another column',
    mend: 'rename the column of the spine',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  SPINE_NONE: {
    message: '{target} is a feature service, which has no spine of its own',
    mend: 'give the rows with a spine file, or name a model',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
