import { later, never, safe } from './row.ts';

/** Errors of moving a running project to another environment. */
export const migrateErrors = {
  MIGRATE_SAME: never(400, 2)
    .message('the environments {from} and {to} share {shared}')
    .hint(
      'give the new environment its own directory, and its own namespace if both use one Redis or Kafka; name it with --to',
    ),
  MIGRATE_STOPPED: safe(503, 6)
    .message('the copy from {from} was stopped before everything was copied and compared')
    .hint('run headrace migrate copy again: it continues after the last copied delivery'),
  MIGRATE_NOTHING: never(400, 2)
    .message('the environment {from} has no data in {directory}')
    .hint('name with --env the environment that the project runs in'),
  MIGRATE_DECLARATION: never(409, 2)
    .message('the data in {directory} was written under another declaration')
    .hint(
      'start the old environment with this declaration first, or migrate with its current one: a migration changes nothing else',
    ),
  MIGRATE_PARTITIONS: never(400, 2)
    .message('the new environment has {to} partitions, which is not a multiple of the {from} of the old one')
    .hint('set partitions of the new environment to that number or a multiple of it, which keeps the order of each id'),
  MIGRATE_TARGET: never(409, 2)
    .message('the new environment already has data: {found}')
    .hint('name an empty environment with its own directory and namespace'),
  MIGRATE_OTHER: never(409, 2)
    .message('another environment, {from}, is migrating into {directory}')
    .hint('name that one with --env, or end its migration with headrace migrate roll-back'),
  MIGRATE_FILE: never(500, 4)
    .message('the migration file {path} cannot be read: {reason}')
    .hint(
      'restore the file. If you cannot, and the project still runs in the old environment, delete the directory and the namespace of the new one; then start again',
    ),
  MIGRATE_LOCKED: later(409, 4)
    .message('another process runs the migration into {directory}')
    .hint('wait until it ends, or stop it'),
  MIGRATE_FOREIGN: never(409, 3)
    .message('the log of the new environment has deliveries of {source} that the migration did not write: {reason}')
    .hint('stop everything that sends to the new environment before the cut-over, roll back, and migrate again'),
  MIGRATE_FORGOTTEN: never(409, 3)
    .message(
      'an entity was forgotten in {directory} at {at}, after the migration started; the new environment may still have it',
    )
    .hint('roll back, which deletes everything from the new environment, and migrate again'),
  MIGRATE_BEHIND: later(503, 5)
    .message('the tiles of the new environment lack {behind} deliveries, and none arrived for {seconds} s')
    .hint('check its job with headrace tiles status and headrace tiles logs, then run the command again; it resumes'),
  MIGRATE_DIFFERS: safe(500, 3)
    .message('{differing} of {asked} answers of the two environments differ; the first: {example}')
    .hint('keep the old environment; check headrace status of both, and report it if nothing there explains it'),
  MIGRATE_SOURCE_RUNS: later(409, 4)
    .message('a process is still writing the old environment, {directory}')
    .hint('stop it, and run the command again: events accepted until then are moved too'),
  MIGRATE_TARGET_RUNS: later(409, 4)
    .message('a process is writing the new environment, {directory}')
    .hint('stop it, and run the command again'),
  MIGRATE_NONE: never(404, 2)
    .message('there is no migration into {directory}')
    .hint('name the new environment with --to; headrace migrate copy starts a migration'),
  MIGRATE_DONE: never(409, 2)
    .message('the project already moved from {directory} to the environment in {to}')
    .hint('start the new environment; to return, run headrace migrate roll-back'),
  MIGRATE_MOVED: never(409, 2)
    .message('the project moved from {directory} to the environment in {to}')
    .hint('start it with the environment that has that directory; to return, run headrace migrate roll-back'),
  MIGRATE_UNFINISHED: later(409, 2)
    .message('the environment in {directory} is the target of a migration from {from}, and accepts no other events yet')
    .hint('finish with headrace migrate cut-over, or undo it with headrace migrate roll-back'),
};
