import { rows } from './row.ts';

/** What can be wrong with an event that is sent. */
export const eventErrors = rows({
  EVENT_JSON: {
    message: 'the events are not JSON: {reason}',
    mend: 'send one JSON object, or an array of them',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_SHAPE: {
    message: 'an event of {where} is {found}',
    mend: 'send an object with the source\'s columns, such as {"id": "a1", "at": 1700000000000}',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_MISSING: {
    message: 'an event of {where} has no {column}',
    mend: 'send the column, or declare it nullable under a new version of the source',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_TYPE: {
    message: 'an event of {where} has {column} = {found}; it takes {expected}',
    mend: 'send a value of the declared type',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_ID: {
    message: 'an event of {where} has the id {column} = {found}; it takes {expected}',
    mend: 'send an id of those characters, such as a UUID; one event keeps its id over all deliveries',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_TIME: {
    message: 'an event of {where} has the event time {column} = {found}; it takes {expected}',
    mend: 'send UTC epoch milliseconds as a whole number',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_TIME_UNIT: {
    message: 'an event of {where} with id {id} has the event time {column} = {found}, which can only be in {unit}',
    mend: 'send UTC epoch milliseconds as a whole number; the id is free, so send the event again',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_UNKNOWN_COLUMN: {
    message: 'an event of {where} has a column {column} that is not declared; declared are {known}',
    mend: 'leave the column out, or declare it under a new version of the source',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_FUTURE: {
    message:
      'an event of {source} with id {id} has a time {aheadMs} ms ahead of its arrival; {allowedMs} ms are allowed',
    mend: 'mend the clock of the producer, or declare a greater futureSkew',
    retry: 'later',
    status: 400,
    exit: 3,
  },
  INGEST_FILE: {
    message: 'the events of {path} cannot be read: {reason}',
    mend: 'name whole files in Parquet, CSV or TSV with a header, or JSON lines, or say the format by --format',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  INGEST_COLUMN: {
    message: '{path} has no column {column}; it has {found}',
    mend: 'say which column of the files it is: --columns name=column,…',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  EVENT_SCHEMA: {
    message: '{what} was written under columns (number {found}) that the kept declaration does not have',
    mend: 'restore declaration.json from its copy: it has the columns that the source had',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  EVENT_SOURCE: {
    message: 'the project has no event source {source}',
    mend: 'send to one of the sources that it declares',
    retry: 'never',
    status: 404,
    exit: 2,
  },
});
