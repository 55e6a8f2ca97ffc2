import type { HeadraceError } from '../../base/errors/fail.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { OfflineStore, OfflineTable, OfflineValue, TableAppend } from '../../ports/offline-store.ts';
import { literal, readRows } from './profile-sql.ts';

/** Refused events by reason, with one of them: a row for each source, code and column of a flush. */
const quarantineTable: OfflineTable = {
  name: 'monitoring/quarantine@1',
  columns: {
    at: 'BIGINT',
    source: 'STRING',
    code: 'STRING',
    column_name: 'STRING',
    events: 'BIGINT',
    reason: 'STRING',
    sample: 'STRING',
  },
};

/** Refused events of a source for one reason. */
export interface Quarantined {
  readonly code: string;
  /** The declared column at fault; null where it is none, or the whole event. */
  readonly column: string | null;
  readonly events: number;
  /** Of the newest one. */
  readonly at: number;
  readonly reason: string;
  /** The newest one as JSON, its first 2,000 characters. */
  readonly sample: string;
}

/** A longer sample is cut off. */
export const SAMPLE_CHARACTERS = 2_000;

interface Held {
  readonly source: string;
  readonly code: string;
  readonly column: string | null;
  events: number;
  at: number;
  event: unknown;
  reason: string;
}

/**
 * Collects refused events until they are published: counted by source, code and declared column, of which there are few
 * however many events come, with the newest one of each.
 */
export class Quarantine {
  #held = new Map<string, Held>();

  /** `place` says in words where the event stands. */
  add(source: EventSourceData, event: unknown, error: HeadraceError, at: number, place?: string): void {
    const reason = place === undefined ? error.message : `${error.message}; ${place}`;
    const named = error.facts['column'];
    const column = typeof named === 'string' && Object.hasOwn(source.columns, named) ? named : null;
    const id = `${source.name} ${error.code} ${column ?? ''}`;
    const held = this.#held.get(id);
    if (held === undefined) {
      this.#held.set(id, { source: source.name, code: error.code, column, events: 1, at, event, reason });
      return;
    }
    held.events += 1;
    held.at = at;
    held.event = event;
    held.reason = reason;
  }

  /** What was collected since the last drain. */
  drain(): TableAppend {
    const held = [...this.#held.values()];
    this.#held = new Map();
    const rows = held.map((one): readonly OfflineValue[] => [
      one.at,
      one.source,
      one.code,
      one.column,
      one.events,
      one.reason.slice(0, SAMPLE_CHARACTERS),
      sampleText(one.event),
    ]);
    const columns = Object.keys(quarantineTable.columns).map((_, c) => rows.map((row) => row[c]));
    return { table: quarantineTable, rows: rows.length, columns };
  }
}

/** What was refused of a source in [from, to), most first. */
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

function sampleText(event: unknown): string {
  // An int64 comes as a bigint, which JSON does not write.
  const text = JSON.stringify(event, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return (text ?? String(event)).slice(0, SAMPLE_CHARACTERS);
}
