import { rows } from './row.ts';

/** Errors of the audit log, backup, restore and forgetting an entity. */
export const operatingErrors = rows({
  AUDIT_WRITE: {
    message:
      'the audit log {path} cannot be written: {reason}; the call {what} ended as {outcome}, and has no line there',
    hint: 'free disk space, or make the file writable; read the state before you repeat the call',
    retry: 'never',
    status: 503,
    exit: 4,
  },
  BACKUP_FOLDER: {
    message: 'the folder {folder} is not empty',
    hint: 'name an empty or a new folder',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  BACKUP_NOTHING: {
    message: 'the directory {directory} contains no data of a project',
    hint: 'name the environment with --env, or open it once',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  BACKUP_FAILED: {
    message: 'the backup of {part} failed: {reason}',
    hint: 'fix the reason, delete the folder, and run the backup again',
    retry: 'later',
    status: 500,
    exit: 4,
  },
  BACKUP_DAMAGED: {
    message: 'the backup {folder} is incomplete or damaged: {reason}',
    hint: 'restore another backup; this one did not finish, or its files changed later',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  FORGET_ENTITY: {
    message: 'no view of the project has the entity {entity}; there are {known}',
    hint: 'name one of them',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  FORGET_STORE: {
    message: 'the {store} of the environment cannot delete single entities',
    hint: 'limit its data by retention, or use the embedded one',
    retry: 'never',
    status: 501,
    exit: 2,
  },
  FORGET_LEFT: {
    message: '{store} still has {rows} rows of the entity {entity}',
    hint: 'run headrace forget again; if it persists, report it',
    retry: 'later',
    status: 500,
    exit: 4,
  },
  FORGET_RECORD: {
    message: 'the record {path} of an unfinished headrace forget cannot be read: {reason}',
    hint: 'run headrace forget for the entity again, then delete the file',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  BACKUP_FORMAT: {
    message: 'the backup {folder} has format {found}; this release reads {known}',
    hint: 'use the release that wrote it, or a newer one',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
