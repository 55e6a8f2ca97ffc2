import { command, served, unfinished } from '../command.ts';
import { migrateCopyOptions, migrateOptions } from '../options/loaded-options.ts';
import { withProgress } from '../terminal/progress.ts';

const both = { words: '', arity: [0, 0], options: migrateOptions } as const;

export const migrateCopy = command({
  ...both,
  name: ['migrate', 'copy'],
  stop: [unfinished('MIGRATE_STOPPED'), served('with --watch')],
  summary: 'copies a running project to another environment, and compares the answers of both',
  options: migrateCopyOptions,
  run: (call) => withRunner(({ runMigrateCopy }) => withProgress(call, 'migrate copy', runMigrateCopy)),
});

export const migrateCutOver = command({
  ...both,
  name: ['migrate', 'cut-over'],
  summary: 'moves the rest of a stopped environment, compares everything, and lets the project continue in the new one',
  run: (call) => withRunner(({ runMigrateCutOver }) => withProgress(call, 'migrate cut-over', runMigrateCutOver)),
});

export const migrateRollBack = command({
  ...both,
  name: ['migrate', 'roll-back'],
  summary: 'takes a migration back, with the events that came to the new environment, and removes everything from that',
  run: (call) => withRunner(({ runMigrateRollBack }) => withProgress(call, 'migrate roll-back', runMigrateRollBack)),
});

export const migrateStatus = command({
  ...both,
  name: ['migrate', 'status'],
  summary: 'shows the progress of a migration',
  run: (call) => withRunner(({ runMigrateStatus }) => runMigrateStatus(call)),
});

/** Loaded on use: help does not need it. */
async function withRunner(run: (runner: typeof import('../operating/run-migrate.ts')) => Promise<void>): Promise<void> {
  await run(await import('../operating/run-migrate.ts'));
}
