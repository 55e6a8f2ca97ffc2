import { later, never } from './row.ts';

/** Errors of the audit log, backup, restore and forgetting an entity. */
export const operatingErrors = {
  AUDIT_WRITE: never(503, 4)
    .message(
      'the audit log {path} cannot be written: {reason}; the call {what} ended as {outcome}, and has no line there',
    )
    .hint('free disk space, or make the file writable; read the state before you repeat the call'),
  BACKUP_FOLDER: never(400, 2).message('the folder {folder} is not empty').hint('name an empty or a new folder'),
  BACKUP_NOTHING: never(400, 2)
    .message('the directory {directory} contains no data of a project')
    .hint('name the environment with --env, or open it once'),
  BACKUP_FAILED: later(500, 4)
    .message('the backup of {part} failed: {reason}')
    .hint('fix the reason, delete the folder, and run the backup again'),
  BACKUP_DAMAGED: never(500, 4)
    .message('the backup {folder} is incomplete or damaged: {reason}')
    .hint('restore another backup; this one did not finish, or its files changed later'),
  FORGET_ENTITY: never(404, 2)
    .message('no view of the project has the entity {entity}; there are {known}')
    .hint('name one of them'),
  FORGET_STORE: never(501, 2)
    .message('the {store} of the environment cannot delete single entities')
    .hint('limit its data by retention, or use the embedded one'),
  FORGET_LEFT: later(500, 4)
    .message('{store} still has {rows} rows of the entity {entity}')
    .hint('run headrace forget again; if it persists, report it'),
  FORGET_RECORD: never(500, 4)
    .message('the record {path} of an unfinished headrace forget cannot be read: {reason}')
    .hint('run headrace forget for the entity again, then delete the file'),
  BACKUP_FORMAT: never(500, 4)
    .message('the backup {folder} has format {found}; this release reads {known}')
    .hint('use the release that wrote it, or a newer one'),
};
