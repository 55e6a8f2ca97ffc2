import { rows } from './row.ts';

/** What can be wrong when a project's data are backed up, restored or forgotten. */
export const operatingErrors = rows({
  BACKUP_FOLDER: {
    message: 'the folder {folder} is not empty',
    mend: 'name a folder that is empty or not there',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  BACKUP_NOTHING: {
    message: 'the directory {directory} has no data of a project',
    mend: 'name the environment with --env, or open it once',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  BACKUP_FAILED: {
    message: 'the backup of {part} failed: {reason}',
    mend: 'mend what it names, remove the folder, and make the backup again',
    retry: 'later',
    status: 500,
    exit: 4,
  },
  BACKUP_DAMAGED: {
    message: 'the backup {folder} is not whole: {reason}',
    mend: 'restore another backup; this one was not finished, or its files have changed since',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  FORGET_ENTITY: {
    message: 'no view of the project is of an entity {entity}; there are {known}',
    mend: 'name one of them',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  FORGET_STORE: {
    message: 'the {store} of the environment cannot take single entities out',
    mend: 'bound what it keeps by its retention, or use the embedded one',
    retry: 'never',
    status: 501,
    exit: 2,
  },
  FORGET_LEFT: {
    message: 'of the entity {entity} there are still {rows} rows in {store}',
    mend: 'run headrace forget again; if it stays, report it',
    retry: 'later',
    status: 500,
    exit: 4,
  },
  FORGET_RECORD: {
    message: 'the record {path} of a forgetting that was begun cannot be read: {reason}',
    mend: 'forget the entity again, then remove the file',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  BACKUP_FORMAT: {
    message: 'the backup {folder} has format {found}; this release reads {known}',
    mend: 'use the release that made it, or a later one',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
