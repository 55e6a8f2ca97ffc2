import type { Command } from '../command.ts';
import { withProgress } from '../progress.ts';

const both = {
  words: '',
  arity: [0, 0],
  options: { to: { type: 'string' } },
  help: { to: 'the new environment; --env names the one that is left' },
} as const;

export const migrateCopy: Command = {
  ...both,
  name: ['migrate', 'copy'],
  summary: 'copies a project that goes on running to another environment, and asks both the same',
  options: { ...both.options, watch: { type: 'boolean' } },
  help: { ...both.help, watch: 'stay: copy and compare what comes, until it is stopped' },
  run: (call) => withRunner(({ runMigrateCopy }) => withProgress(call, 'migrate copy', runMigrateCopy)),
};

export const migrateCutOver: Command = {
  ...both,
  name: ['migrate', 'cut-over'],
  summary:
    'moves what is left of an environment that was stopped, compares all, and has the project go on in the new one',
  run: (call) => withRunner(({ runMigrateCutOver }) => withProgress(call, 'migrate cut-over', runMigrateCutOver)),
};

export const migrateRollBack: Command = {
  ...both,
  name: ['migrate', 'roll-back'],
  summary: 'takes a migration back, with the events that came to the new environment, and removes everything from that',
  run: (call) => withRunner(({ runMigrateRollBack }) => withProgress(call, 'migrate roll-back', runMigrateRollBack)),
};

export const migrateStatus: Command = {
  ...both,
  name: ['migrate', 'status'],
  summary: 'where a migration stands',
  run: (call) => withRunner(({ runMigrateStatus }) => runMigrateStatus(call)),
};

/** Loaded here: help does without. */
async function withRunner(run: (runner: typeof import('../run-migrate.ts')) => Promise<void>): Promise<void> {
  await run(await import('../run-migrate.ts'));
}
