import { rows } from './row.ts';

/** Errors of events, and of files of events. */
export const eventErrors = rows({
  EVENT_JSON: {
    message: 'the events are not JSON: {reason}',
    hint: 'send a JSON object, or an array of them',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_SHAPE: {
    message: 'an event of {where} is {found}',
    hint: 'send an object with the source\'s columns, such as {"id": "a1", "at": 1700000000000}',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_MISSING: {
    message: 'an event of {where} has no {column}',
    hint: 'send the column, or declare it nullable in a new version of the source',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_TYPE: {
    message: 'an event of {where} has {column} = {found}; expected {expected}',
    hint: 'send a value of the declared type',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_ID: {
    message: 'an event of {where} has the id {column} = {found}; expected {expected}',
    hint: 'send an id of those characters, such as a UUID; an event has the same id in all deliveries',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_TIME: {
    message: 'an event of {where} has the event time {column} = {found}; expected {expected}',
    hint: 'send UTC epoch milliseconds as a whole number',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_TIME_UNIT: {
    message:
      'an event of {where} with id {id} has the event time {column} = {found}, which is only plausible in {unit}',
    hint: 'send the event again with UTC epoch milliseconds as a whole number; its id is still free',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_UNKNOWN_COLUMN: {
    message: 'an event of {where} has the undeclared column {column}; declared are {known}',
    hint: 'remove the column, or declare it in a new version of the source',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  EVENT_FUTURE: {
    message: 'an event of {source} with id {id} has a time {aheadMs} ms after its arrival; {allowedMs} ms are allowed',
    hint: 'correct the clock of the producer, or declare a larger futureSkew',
    retry: 'later',
    status: 400,
    exit: 3,
  },
  INGEST_FILE: {
    message: 'the events of {path} cannot be read: {reason}',
    hint: 'name complete files in Parquet, CSV or TSV with a header, or JSON lines; --format sets the format',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  INGEST_COLUMN: {
    message: '{path} has no column {column}; it has {found}',
    hint: 'map it to a column of the files with --columns name=column,…',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  EVENT_SCHEMA: {
    message: '{what} was written with columns (number {found}) that the stored declaration does not have',
    hint: 'restore declaration.json from a backup: it describes the earlier columns of the source',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  EVENT_SOURCE: {
    message: 'the project has no event source {source}',
    hint: 'send to a declared source',
    retry: 'never',
    status: 404,
    exit: 2,
  },
});
