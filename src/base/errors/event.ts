import { later, never, safe } from './row.ts';

/** Errors of events, and of files of events. */
export const eventErrors = {
  EVENT_JSON: never(400, 3)
    .message('the events are not JSON: {reason}')
    .hint('send a JSON object, or an array of them'),
  EVENT_SHAPE: never(400, 3)
    .message('an event of {where} is {found}')
    .hint('send an object with the source\'s columns, such as {"id": "a1", "at": 1700000000000}'),
  EVENT_MISSING: never(400, 3)
    .message('an event of {where} has no {column}')
    .hint('send the column, or declare it nullable in a new version of the source'),
  EVENT_TYPE: never(400, 3)
    .message('an event of {where} has {column} = {found}; expected {expected}')
    .hint('send a value of the declared type'),
  EVENT_ID: never(400, 3)
    .message('an event of {where} has the id {column} = {found}; expected {expected}')
    .hint('send an id of those characters, such as a UUID; an event has the same id in all deliveries'),
  EVENT_TIME: never(400, 3)
    .message('an event of {where} has the event time {column} = {found}; expected {expected}')
    .hint('send UTC epoch milliseconds as a whole number'),
  EVENT_TIME_UNIT: never(400, 3)
    .message(
      'an event of {where} with id {id} has the event time {column} = {found}, which is only plausible in {unit}',
    )
    .hint('send the event again with UTC epoch milliseconds as a whole number; its id is still free'),
  EVENT_UNKNOWN_COLUMN: never(400, 3)
    .message('an event of {where} has the undeclared column {column}; declared are {known}')
    .hint('remove the column, or declare it in a new version of the source'),
  EVENT_FUTURE: later(400, 3)
    .message('an event of {source} with id {id} has a time {aheadMs} ms after its arrival; {allowedMs} ms are allowed')
    .hint('correct the clock of the producer, or declare a larger futureSkew'),
  INGEST_FILE: never(400, 2)
    .message('the events of {path} cannot be read: {reason}')
    .hint('name complete files in Parquet, CSV or TSV with a header, or JSON lines; --format sets the format'),
  REMOTE_CLIENT: never(500, 2)
    .message('the client of S3 is not installed')
    .hint('run npm install @aws-sdk/client-s3, or copy the files and name the copies'),
  REMOTE_FILE: never(400, 2)
    .message('the file {url} cannot be copied: {reason}')
    .hint('name a file as s3://bucket/key, or all files below a prefix as s3://bucket/prefix/'),
  REMOTE_STORE: later(503, 5)
    .message('the store of {url} does not answer or refuses: {reason}')
    .hint(
      'set AWS_REGION, the credentials and, for another store than S3, AWS_ENDPOINT_URL, as for the AWS command line',
    ),
  REMOTE_FULL: later(507, 4)
    .message('the store of {url} has no space left: {reason}')
    .hint('free space or raise the quota of the bucket, then run the same command again: it resumes'),
  INGEST_STOPPED: safe(503, 6)
    .message('the ingestion into {source} was stopped after {rows} rows')
    .hint('run the same command again to resume it'),
  INGEST_COLUMN: never(400, 2)
    .message('{path} has no column {column}; it has {found}')
    .hint('map it to a column of the files with --columns name=column,…'),
  EVENT_SCHEMA: never(500, 4)
    .message('{what} was written with columns (number {found}) that the stored declaration does not have')
    .hint('restore declaration.json from a backup: it describes the earlier columns of the source'),
  EVENT_SOURCE: never(404, 2).message('the project has no event source {source}').hint('send to a declared source'),
};
