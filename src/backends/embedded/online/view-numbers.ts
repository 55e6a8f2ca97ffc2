import type { Entries } from './entries.ts';
import { jsonBytes, jsonEntry } from './json-entry.ts';
import { VIEWS_KEY } from './store-keys.ts';

/**
 * The numbers of views, which records name them by: the place in a list of their ids, which only grows. Hot path: a number that was
 * read once stays.
 */
export class ViewNumbers {
  readonly #entries: Entries;
  readonly #known = new Map<string, number>();
  /** Of the entries, when they did not have a number that was asked for. */
  #missedAt = Number.NaN;

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** The number of a view; null: the store has no record with it. `hears`: whether every change of the store is noticed. */
  of(viewId: string, hears: boolean): number | null {
    const known = this.#known.get(viewId);
    if (known !== undefined) return known;
    if (hears && this.#missedAt === this.#entries.changes) return null;
    const ids = readIds(this.#entries);
    for (let number = 0; number < ids.length; number += 1) this.#known.set(ids[number], number);
    this.#missedAt = this.#entries.changes;
    return this.#known.get(viewId) ?? null;
  }
}

/** Numbers for views, within a transaction: those that they have, or new ones. */
export function numberViews(entries: Entries, viewIds: readonly string[]): readonly number[] {
  const ids = readIds(entries);
  const added = [...new Set(viewIds)].filter((id) => !ids.includes(id));
  const known = [...ids, ...added];
  if (added.length > 0) entries.put(VIEWS_KEY, jsonBytes(known));
  return viewIds.map((id) => known.indexOf(id));
}

function readIds(entries: Entries): readonly string[] {
  return jsonEntry<readonly string[]>(entries, VIEWS_KEY) ?? [];
}
