import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { Environment } from '../../environment/config.ts';
import { environmentClock } from '../../environment/environment-clock.ts';
import { readJournal } from '../../operating/migrate/migration-files.ts';
import type { CopiedSource } from '../../operating/migrate/migration-options.ts';
import type { Compared } from '../../running/migration/compare-environments.ts';
import { type CutOver, Migration } from '../../running/migration/migration.ts';
import { engineOf } from '../../site/back-ends/environment-back-ends.ts';
import type { Call } from '../command.ts';
import { auditedCommand } from '../open/audited-command.ts';
import { loadConfig, placeWords } from '../open/load-config.ts';
import type { migrateCopyOptions, migrateOptions } from '../options/loaded-options.ts';

type MigrateCall = Call<typeof migrateOptions>;

/** Time that a copy waits for more deliveries, ms. */
const LOOK_EVERY_MS = 5_000;

/** Copies what the old environment has published, and compares; with `--watch`, again and again until it is stopped. */
export async function runMigrateCopy(call: Call<typeof migrateCopyOptions>): Promise<void> {
  const { terminal, options, json } = call;
  await withMigration(call, 'migrate copy', async (migration, { from, to }) => {
    const stopping = new AbortController();
    void terminal.stopped.then(() => stopping.abort());
    // The first time, and as long as the last comparison left something to the next.
    for (let isDue = true; !stopping.signal.aborted; ) {
      const sources = await migration.copy(terminal.stopped);
      if (stopping.signal.aborted) break;
      if (isDue || sources.some(({ deliveries }) => deliveries > 0)) {
        const compared = await Promise.race([migration.compare(), terminal.stopped]);
        if (compared === undefined) break;
        isDue = compared.moving > 0;
        if (json) terminal.out(JSON.stringify({ sources, compared }));
        else for (const line of copyText(sources, compared, from)) terminal.out(line);
      }
      if (!options.watch) break;
      await sleep(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    if (stopping.signal.aborted && !options.watch) throw fail('MIGRATE_STOPPED', { from: from.directory });
    if (json) return;
    for (const path of migration.leftBehind()) terminal.out(`not moved: ${path}`);
    terminal.out(`next: stop the process that writes ${from.directory}, then ${nextCall(call, 'cut-over')}`);
    terminal.out(`to undo: ${nextCall(call, 'roll-back')}, which deletes everything from ${to.directory}`);
  });
}

/** Moves what is left, compares all, and marks the old directory as left. */
export async function runMigrateCutOver(call: MigrateCall): Promise<void> {
  const { terminal, json } = call;
  await withMigration(call, 'migrate cut-over', async (migration, { from, to }) => {
    const done = await migration.cutOver();
    if (json) return terminal.out(JSON.stringify(done ?? { already: true }));
    if (done === null) terminal.out(`the project had already moved from ${from.directory}`);
    else for (const line of cutOverText(done, from)) terminal.out(line);
    for (const path of migration.leftBehind()) terminal.out(`not moved: ${path}`);
    terminal.out(`the project moved from ${from.directory} to ${to.directory}; the old directory no longer opens`);
    if (engineOf(to) !== null)
      terminal.out(`keep its job running: headrace tiles deploy --watch --env ${call.options.to}`);
    terminal.out(`next: headrace serve --env ${call.options.to}`);
    terminal.out(`to go back: stop it, then ${nextCall(call, 'roll-back')}; no event is lost`);
  });
}

/** Takes the migration back. */
export async function runMigrateRollBack(call: MigrateCall): Promise<void> {
  const { terminal, json } = call;
  await withMigration(call, 'migrate roll-back', async (migration, { from, to }) => {
    const { sources } = await migration.rollBack();
    if (json) return terminal.out(JSON.stringify({ sources }));
    for (const { source, deliveries } of sources ?? [])
      terminal.out(`${source}: ${deliveries} deliveries of the new environment are copied to the old one`);
    terminal.out(`all moved data is deleted from ${to.directory} and its services`);
    terminal.out(`the project is in ${from.directory}`);
  });
}

/** Tells where a migration stands. */
export async function runMigrateStatus(call: MigrateCall): Promise<void> {
  const { terminal, json } = call;
  const { to } = await environmentsOf(call);
  const journal = readJournal(to.directory);
  if (journal === null) throw fail('MIGRATE_NONE', { directory: to.directory });
  if (json) return terminal.out(JSON.stringify(journal));
  const { from, begunAt, movedAt, copied } = journal;
  terminal.out(`from ${from} to ${to.directory}, started ${new Date(begunAt).toISOString()}`);
  for (const [topic, { next, ends }] of Object.entries(copied))
    terminal.out(`${topic}: the old log is copied up to ${next.join(', ')}; the new log ended at ${ends.join(', ')}`);
  terminal.out(movedAt === null ? 'not cut over' : `cut over ${new Date(movedAt).toISOString()}`);
}

function copiedText({ source, deliveries, lost }: CopiedSource, from: Environment): string {
  const gone = lost === 0 ? '' : `; ${lost} earlier ones are no longer in the history`;
  return `${source}: ${deliveries} deliveries copied, everything that ${from.directory} has published${gone}`;
}

function copyText(sources: readonly CopiedSource[], compared: Compared, from: Environment): readonly string[] {
  return [
    ...sources.map((each) => copiedText(each, from)),
    `${compared.answers} answers are equal${movingText(compared.moving)}`,
  ];
}

function movingText(moving: number): string {
  return moving === 0 ? '' : `; ${moving} with events in transit are left to the next comparison`;
}

function cutOverText({ sources, tables, compared }: CutOver, from: Environment): readonly string[] {
  return [
    ...sources.map((each) => copiedText(each, from)),
    ...tables.map(({ name, rows }) => `${name}: ${rows} rows copied`),
    'registry, models and API keys are copied',
    `${compared.answers} answers are equal`,
  ];
}

function nextCall({ options }: MigrateCall, step: string): string {
  return ['headrace migrate', step, ...placeWords({ options }), `--to ${options.to}`].join(' ');
}

async function environmentsOf(call: MigrateCall) {
  const { project, environment: from } = await loadConfig(call);
  const { environment: to } = await loadConfig(call, call.options.to);
  return { project, from, to };
}

async function withMigration(
  call: MigrateCall,
  what: string,
  work: (migration: Migration, environments: { from: Environment; to: Environment }) => Promise<void>,
): Promise<void> {
  const { terminal } = call;
  const { project, from, to } = await environmentsOf(call);
  const migration = Migration.open({
    project,
    from,
    to,
    clock: environmentClock(from.directory, { keeps: false }),
    tell: (line) => terminal.err(`headrace: ${line}`),
    onFault: (error) => terminal.err(`headrace: ${reasonOf(error)}`),
  });
  try {
    await auditedCommand(to.directory, what, from.directory, () => work(migration, { from, to }));
  } finally {
    migration.close();
  }
}
