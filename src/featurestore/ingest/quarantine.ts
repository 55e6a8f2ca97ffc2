import type { HeadraceError } from '../../base/errors/fail.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { quarantineTable } from '../../features/plan/quarantine-table.ts';
import type { OfflineValue, TableAppend } from '../../ports/offline-store.ts';

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

  /** The rows collected since the last drain. */
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

function sampleText(event: unknown): string {
  // An int64 comes as a bigint, which JSON does not write.
  const text = JSON.stringify(event, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return (text ?? String(event)).slice(0, SAMPLE_CHARACTERS);
}
