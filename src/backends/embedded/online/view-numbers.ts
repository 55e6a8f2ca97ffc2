import type { TileLayout } from '../../../features/tile/tile-layout.ts';
import type { Entries } from './entries.ts';
import { jsonBytes, jsonEntry } from './json-entry.ts';
import { VIEWS_KEY } from './store-keys.ts';

/**
 * The numbers of views, which records name them by, and of their tiers, which the keys of blocks name them by: the place in a list of
 * names, which only grows. A tier is a hop of a view. Hot path: a number that was read once stays.
 */
export class ViewNumbers {
  readonly #entries: Entries;
  readonly #known = new Map<string, number>();
  readonly #tiers = new WeakMap<TileLayout, Map<number, number>>();
  /** Of the entries, when they did not have a number that was asked for. */
  #missedAt = Number.NaN;

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** The number of a name; null: nothing in the store has it. `hears`: whether every change of the store is noticed. */
  of(name: string, hears: boolean): number | null {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (hears && this.#missedAt === this.#entries.changes) return null;
    const names = namesIn(this.#entries);
    for (let number = 0; number < names.length; number += 1) this.#known.set(names[number], number);
    this.#missedAt = this.#entries.changes;
    return this.#known.get(name) ?? null;
  }

  /** The number of a tier; null: the store has no block of it. */
  tier(layout: TileLayout, hopMs: number, hears: boolean): number | null {
    const tiers = this.#tiers.get(layout) ?? new Map<number, number>();
    const known = tiers.get(hopMs);
    if (known !== undefined) return known;
    const number = this.of(tierName(layout.viewId, hopMs), hears);
    if (number !== null) this.#tiers.set(layout, tiers.set(hopMs, number));
    return number;
  }
}

/** Ids of views have no space. */
export function tierName(viewId: string, hopMs: number): string {
  return `${viewId} ${hopMs}`;
}

/** The numbers of all tiers of a view. */
export function tiersOf(entries: Entries, viewId: string): ReadonlySet<number> {
  const names = namesIn(entries);
  return new Set(names.flatMap((name, number) => (name.startsWith(`${viewId} `) ? [number] : [])));
}

/** Numbers for names, within a transaction: those that they have, or new ones. */
export function numberNames(entries: Entries, names: readonly string[]): readonly number[] {
  const known = new Map(namesIn(entries).map((name, number) => [name, number]));
  const before = known.size;
  for (const name of names) if (!known.has(name)) known.set(name, known.size);
  if (known.size > before) entries.put(VIEWS_KEY, jsonBytes([...known.keys()]));
  return names.map((name) => known.get(name) ?? 0);
}

function namesIn(entries: Entries): readonly string[] {
  return jsonEntry<readonly string[]>(entries, VIEWS_KEY) ?? [];
}
