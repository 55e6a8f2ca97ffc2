import { never } from './row.ts';

/** Errors of a spine from a user, and of its training set. */
export const spineErrors = {
  SPINE_FILE: never(400, 3)
    .message('the spine {path} cannot be read: {reason}')
    .hint('name a complete file in Parquet, CSV with a header, or JSON lines; write a truncated file again'),
  SPINE_FORMAT: never(400, 2)
    .message('the format of the spine {path} is unknown')
    .hint(
      'use a name that ends in .parquet, .csv, .tsv, .jsonl or .ndjson (the last four also with .gz), or pass the format',
    ),
  SPINE_COLUMN: never(400, 3)
    .message('the spine has no column {column}, which {use} needs; it has {found}')
    .hint('add the column, or map it to a column of the spine'),
  SPINE_TYPE: never(400, 3)
    .message('column {column} of the spine is {found}; the service expects {wanted}')
    .hint('write the column in a type that holds every value of the declared type'),
  SPINE_VALUE: never(400, 3)
    .message('row {row} of the spine has {column} = {found}; expected {wanted}')
    .hint('correct the row, or remove it'),
  SPINE_NULL: never(400, 3)
    .message('row {row} of the spine has no {column}')
    .hint('remove such rows, or declare the request column nullable: the row then stays, with nulls for its lookups'),
  SPINE_NAME: never(400, 3)
    .message('the spine has a column {column}, which is also the name of a feature or of another column')
    .hint('rename the column of the spine'),
  SPINE_NONE: never(400, 2)
    .message('{target} is a feature service, which has no rows for a training set')
    .hint('pass a spine file, or name a model'),
};
