import type { SqlDatabase } from '../../ports/sql-database.ts';
import type { Webhook, WebhookStore } from '../../ports/webhook-store.ts';
import { numberOf, textOf } from './rows.ts';

/** Webhooks and their deliveries in SQL. */
export function webhookStore(database: SqlDatabase): WebhookStore {
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
