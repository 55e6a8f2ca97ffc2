import type { Sql, SqlDialect } from '../../ports/sql-database.ts';
import type { Webhook, WebhookEvent } from '../../ports/webhook-store.ts';
import { insertRows, textOf } from './rows.ts';

/** A change that webhooks may have asked for. */
export interface ChangeEvent extends WebhookEvent {
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Keeps a change for every active webhook that asked for it, in the transaction of the change: a crash loses both or neither.
 */
export async function keepEvent(
  { sql, dialect }: { readonly sql: Sql; readonly dialect: SqlDialect },
  at: number,
  { entity, action, data }: ChangeEvent,
): Promise<void> {
  const rows = await sql.all('SELECT body FROM webhooks ORDER BY created, id');
  const asked = rows
    .map((row) => JSON.parse(textOf(row, 'body')) as Webhook)
    .filter(({ isActive, events }) => isActive && events.some((one) => one.entity === entity && one.action === action));
  if (asked.length === 0) return;
  const body = JSON.stringify({ entity, action, timestamp: new Date(at).toISOString(), data });
  await insertRows(
    { sql, dialect },
    'deliveries (webhook, body, attempts, due)',
    asked.map(({ id }) => [id, body, 0, at]),
  );
}
