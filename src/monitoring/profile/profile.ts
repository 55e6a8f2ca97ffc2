import { fail } from '../../base/errors/fail.ts';
import { type ColumnSketch, mergeColumn } from './column-sketch.ts';

/** A table, a window or the requests of a process, column by column. */
export interface Profile {
  rows: number;
  readonly columns: Map<string, ColumnSketch>;
}

export function createProfile(): Profile {
  return { rows: 0, columns: new Map() };
}

/** Adds a part: another process, another hour, another file. Error: DRIFT_MERGE. */
export function mergeProfile(held: Profile, added: Profile): void {
  for (const [name, column] of added.columns) {
    const own = held.columns.get(name);
    if (own === undefined) throw fail('DRIFT_MERGE', { column: name, reason: 'one profile does not have it' });
    mergeColumn(own, column, name);
  }
  for (const name of held.columns.keys())
    if (!added.columns.has(name)) throw fail('DRIFT_MERGE', { column: name, reason: 'one profile does not have it' });
  held.rows += added.rows;
}
