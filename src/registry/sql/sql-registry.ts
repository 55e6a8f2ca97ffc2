import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { Sql, SqlDatabase } from '../../ports/sql-database.ts';
import type { TrackingStore } from '../../ports/tracking-store.ts';
import type { Webhook, WebhookStore } from '../../ports/webhook-store.ts';
import { artifactPath } from '../version-source.ts';
import { aliasStore } from './alias-store.ts';
import { artifactIndexStore, spanOf } from './artifact-index-store.ts';
import { experimentStore } from './experiments.ts';
import { loggedModelStore } from './logged-model-store.ts';
import { modelStore } from './model-store.ts';
import { numberOf, textOf } from './rows.ts';
import { runStore } from './runs.ts';
import { versionStore } from './version-store.ts';

/** Tables whose rows belong to a run. */
const OF_RUNS = ['run_tags', 'run_params', 'latest_metrics', 'metrics', 'run_datasets', 'run_models'];

const PURGED_RUNS = `SELECT r.no, r.uri FROM runs r WHERE r.stage = 'deleted' AND r.deleted_at < ?
  AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.run = r.id)
  AND NOT EXISTS (SELECT 1 FROM logged_models l WHERE l.source_run = r.id AND l.stage <> 'deleted')
  ORDER BY r.no LIMIT ?`;

const PURGED_EXPERIMENTS = `SELECT e.no FROM experiments e WHERE e.stage = 'deleted' AND e.updated < ? AND e.no <> 0
  AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.experiment = e.no)
  AND NOT EXISTS (SELECT 1 FROM logged_models l WHERE l.experiment = e.no)`;

/** Removes deleted runs and experiments for good, in SQL. */
function purgeStore(database: SqlDatabase): Pick<TrackingStore, 'purgeRuns' | 'purgeExperiments'> {
  return {
    purgeRuns: (before, limit) =>
      database.write(async (sql) => {
        let purged = 0;
        for (const row of await sql.all(PURGED_RUNS, [before, limit]))
          purged += await purgeRun(sql, numberOf(row, 'no'), textOf(row, 'uri'));
        return purged;
      }),
    purgeExperiments: (before) =>
      database.write(async (sql) => {
        const rows = await sql.all(PURGED_EXPERIMENTS, [before]);
        for (const no of rows.map((row) => numberOf(row, 'no'))) {
          await sql.run('DELETE FROM experiment_tags WHERE owner = ?', [no]);
          await sql.run('DELETE FROM datasets WHERE experiment = ?', [no]);
          await sql.run('DELETE FROM experiments WHERE no = ?', [no]);
        }
        return rows.length;
      }),
  };
}

/** Removes a run, unless it was restored meanwhile; returns how many. */
async function purgeRun(sql: Sql, no: number, uri: string): Promise<number> {
  const removed = await sql.run("DELETE FROM runs WHERE no = ? AND stage = 'deleted'", [no]);
  if (removed === 0) return 0;
  for (const table of OF_RUNS) await sql.run(`DELETE FROM ${table} WHERE owner = ?`, [no]);
  const path = artifactPath(uri);
  if (path !== null && path !== '')
    await sql.run('DELETE FROM artifact_files WHERE path = ? OR (path >= ? AND path < ?)', [path, ...spanOf(path)]);
  return removed;
}

/** The registry in the tables of a database. Errors: those of the database. */
export function sqlRegistry(database: SqlDatabase): ModelRegistry {
  return {
    ...experimentStore(database),
    ...runStore(database),
    ...purgeStore(database),
    ...loggedModelStore(database),
    ...modelStore(database),
    ...versionStore(database),
    ...aliasStore(database),
    ...artifactIndexStore(database),
    ...webhookStore(database),
    close: () => database.close(),
  };
}

/** Webhooks and their deliveries in SQL. */
function webhookStore(database: SqlDatabase): WebhookStore {
  const { dialect } = database;
  return {
    putWebhook: (webhook) =>
      database.write(async (sql) => {
        await sql.run(
          'INSERT INTO webhooks (id, body, created) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body',
          [webhook.id, JSON.stringify(webhook), webhook.createdAt],
        );
      }),
    webhook: (id) =>
      database.read(async (sql) => {
        const [row] = await sql.all('SELECT body FROM webhooks WHERE id = ?', [id]);
        return row === undefined ? null : (JSON.parse(textOf(row, 'body')) as Webhook);
      }),
    webhooks: () =>
      database.read(async (sql) => {
        const rows = await sql.all('SELECT body FROM webhooks ORDER BY created, id');
        return rows.map((row) => JSON.parse(textOf(row, 'body')) as Webhook);
      }),
    deleteWebhook: (id) =>
      database.write(async (sql) => {
        await sql.run('DELETE FROM deliveries WHERE webhook = ?', [id]);
        await sql.run('DELETE FROM webhooks WHERE id = ?', [id]);
      }),
    takeDelivery: (now, until) =>
      database.write(async (sql) => {
        const lock = dialect.name === 'postgres' ? 'FOR UPDATE SKIP LOCKED' : '';
        const [row] = await sql.all(`SELECT * FROM deliveries WHERE due <= ? ORDER BY due, no LIMIT 1 ${lock}`, [now]);
        if (row === undefined) return null;
        await sql.run('UPDATE deliveries SET due = ?, attempts = attempts + 1 WHERE no = ?', [
          until,
          numberOf(row, 'no'),
        ]);
        return {
          no: numberOf(row, 'no'),
          webhook: textOf(row, 'webhook'),
          body: textOf(row, 'body'),
          attempts: numberOf(row, 'attempts') + 1,
          dueAt: until,
        };
      }),
    finishDelivery: (no) =>
      database.write(async (sql) => {
        await sql.run('DELETE FROM deliveries WHERE no = ?', [no]);
      }),
    retryDelivery: (no, dueAt) =>
      database.write(async (sql) => {
        await sql.run('UPDATE deliveries SET due = ? WHERE no = ?', [dueAt, no]);
      }),
  };
}
