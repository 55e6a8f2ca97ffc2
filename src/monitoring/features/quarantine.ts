import type { EventSourceData } from '../../features/define/declaration.ts';
import { quarantineTable } from '../../features/plan/quarantine-table.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { literal, readRows } from './profile-sql.ts';

/** Refused events of a source for one reason. */
export interface Quarantined {
  readonly code: string;
  /** The declared column at fault; null: no column, or the whole event. */
  readonly column: string | null;
  readonly events: number;
  /** Of the newest one. */
  readonly at: number;
  readonly reason: string;
  /** The newest one as JSON, its first 2,000 characters. */
  readonly sample: string;
}

/** Refused events of a source in [from, to), the most frequent first. */
export async function readQuarantine(
  offline: Pick<OfflineStore, 'query' | 'relation'>,
  source: EventSourceData,
  from: number,
  to: number,
): Promise<readonly Quarantined[]> {
  const rows = await readRows(
    offline,
    `SELECT code, column_name, CAST(SUM(events) AS BIGINT), MAX("at"), ARG_MAX(reason, "at"), ARG_MAX(sample, "at")
FROM ${offline.relation(quarantineTable)} AS q WHERE source = ${literal(source.name)} AND "at" >= ${from} AND "at" < ${to}
GROUP BY code, column_name ORDER BY 3 DESC, code, column_name`,
  );
  return rows.map(([code, column, events, at, reason, sample]) => ({
    code: String(code),
    column: column === null ? null : String(column),
    events: Number(events),
    at: Number(at),
    reason: String(reason),
    sample: String(sample),
  }));
}
