import { later, never, safe } from './row.ts';

/** Errors of the offline store, batch views and training sets. */
export const offlineErrors = {
  OFFLINE_LOCKED: later(503, 4)
    .message('another process has the offline store {path} open for writing')
    .hint('stop that process, or open the store for reading'),
  OFFLINE_ABSENT: later(503, 4)
    .message('there is no offline store at {path}')
    .hint('name the directory of a store, or start the process that writes it'),
  OFFLINE_READER: never(500, 2)
    .message('the offline store {path} is open for reading only')
    .hint('change it from the process that opened it for writing'),
  OFFLINE_CLOSED: never(503, 2).message('the offline store {path} is closed').hint('open it again'),
  OFFLINE_NAME: never(400, 2)
    .message('an offline table has the name {table}')
    .hint('use letters, digits and . _ @ - in parts joined by /'),
  OFFLINE_TABLE: never(404, 2)
    .message('the offline store has no table {table}; it has {known}')
    .hint('name one of them'),
  OFFLINE_COLUMNS: never(409, 3)
    .message('the offline table {table} has the columns {stored}, not {given}')
    .hint('give the declaration a new version, or replace the table'),
  OFFLINE_ROWS: never(400, 3)
    .message('a change to the offline table {table} declares {rows} rows but has {found} values in column {column}')
    .hint('pass one value per row in every column'),
  OFFLINE_VALUE: never(400, 3)
    .message('a row of the offline table {table} has {column} = {found}; expected {type}')
    .hint('write a value of the declared type'),
  OFFLINE_CORRUPT: never(500, 4)
    .message('the file {file} of the offline store differs from the published file: {reason}')
    .hint(
      'stop the server and rebuild the file with headrace restore --damaged, or from a backup; a damaged manifest needs the backup of the whole store',
    ),
  OFFLINE_REBUILD: never(500, 4)
    .message('the damaged files of the offline table {table} cannot be rebuilt: {reason}')
    .hint('restore the files with headrace restore <backup> --damaged'),
  OFFLINE_UNREBUILT: never(500, 4)
    .message('the damaged file {file} of the history cannot be rebuilt: {reason}; backups that have it: {backups}')
    .hint('restore the file with headrace restore <backup> --damaged; without a backup, its rows are lost'),
  OFFLINE_VERSION: never(500, 4)
    .message('the file {file} has format version {version}; this Headrace reads up to {known}')
    .hint('use the Headrace that wrote it, or a newer one'),
  OFFLINE_UNREADABLE: later(500, 4)
    .message('the file {file} of the offline store cannot be read: {reason}')
    .hint('allow the process to read it, or wait until the disk answers; whether it is whole is unknown'),
  OFFLINE_GONE: safe(503, 4)
    .message('the file {file} was merged or retired after this store was opened')
    .hint('refresh the store and query again; a longer keepRetired keeps such files for longer'),
  OFFLINE_FULL: later(507, 4)
    .message('no space is left to write {path}')
    .hint('free space on the disk, or lower the byte budgets of the tables; published data are unharmed'),
  OFFLINE_WRITE: later(500, 4)
    .message('the file {path} cannot be written: {reason}')
    .hint('allow the process to write there'),
  OFFLINE_MEMORY: never(507, 4)
    .message('a query of the offline store needs more than its memory limit of {limit}')
    .hint('raise offline.memory in the configuration, such as to "1GiB", or query a smaller range'),
  OFFLINE_QUERY: never(400, 3).message('the offline store cannot answer a query: {reason}').hint('fix the SQL'),
  OFFLINE_CUT: safe(503, 4)
    .message('a query of the offline store stopped early after {rows} rows; the same query succeeds when repeated')
    .hint('send the query again, and drop the rows already read: they are not the whole result'),
  BATCH_SQL: never(400, 2)
    .message('the SQL of batch view {view} fails: {reason}')
    .hint('fix the SQL; headrace plan runs it over empty tables'),
  BATCH_READ: never(400, 2)
    .message('the SQL of batch view {view} names {place}; known are {known}')
    .hint('declare the source in reads, or remove the placeholder'),
  BATCH_COLUMN: never(400, 2)
    .message('the SQL of batch view {view} returns {given}; expected {wanted}')
    .hint('select each key column and each feature once, under its name'),
  BATCH_TYPE: never(400, 3)
    .message('the SQL of batch view {view} returns {column} as {found}; expected {wanted}')
    .hint('cast the column in the SQL, or declare another type'),
  BATCH_SCORER: never(409, 2)
    .message('the scores of batch view {view} cannot be computed here: this process runs no models')
    .hint('run headrace backfill in a process that opens the whole project'),
  BATCH_GENERATION: never(409, 3)
    .message('batch view {view} has no generation earlier than the one of {asOf}')
    .hint('fix the view or its source, and run headrace backfill'),
  BATCH_LOSS: never(409, 3)
    .message(
      'a run of batch view {view} lacks {lost} of the {keys} keys of generation {generation}; mayLose is {mayLose}, so generation {generation} stays',
    )
    .hint(
      'check the sources and the SQL; to switch anyway, use headrace backfill <view> --accept-loss, or "acceptLoss" in POST /v1/admin/batch',
    ),
  BATCH_DUPLICATE_KEY: never(400, 3)
    .message('the SQL of batch view {view} returns more than one row for the key {key}')
    .hint('group by the key columns'),
};
