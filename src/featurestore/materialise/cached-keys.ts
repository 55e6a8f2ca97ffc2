import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { KeyBudget } from './key-budget.ts';
import { type KeyTiles, moveNumbers } from './key-tiles.ts';
import { memoBytes, numberBytes, objectsOf } from './tile-bytes.ts';
import { emptyView, type ViewCache } from './view-cache.ts';

/** The keys of views in memory, weighed against a budget in bytes: new ones evict the clean ones that were used longest ago. Hot path. */
export class CachedKeys {
  budget: KeyBudget<KeyTiles>;
  #views: Map<TileLayout, ViewCache> = new Map();
  #evictedBefore = 0;

  constructor(maxBytes: number) {
    this.budget = new KeyBudget(maxBytes);
  }

  get views(): ReadonlyMap<TileLayout, ViewCache> {
    return this.#views;
  }

  /** Keys that left to make room. */
  get evicted(): number {
    return this.#evictedBefore + this.budget.evicted;
  }

  viewOf(layout: TileLayout): ViewCache {
    let view = this.#views.get(layout);
    if (view === undefined) {
      view = emptyView(this.#views.size);
      this.#views.set(layout, view);
    }
    return view;
  }

  /** A key in memory, which counts as used. */
  touch(layout: TileLayout, key: string): KeyTiles | undefined {
    const entry = this.viewOf(layout).keys.get(key);
    if (entry !== undefined) this.#used(layout, entry);
    return entry;
  }

  #used(layout: TileLayout, entry: KeyTiles): void {
    this.budget.touch(entry);
    if (!this.budget.isStale(entry)) return;
    for (let hop = 0; hop < entry.runs.length; hop += 1) moveNumbers(entry.runs[hop], layout);
    this.budget.placed(entry);
  }

  insert(view: ViewCache, entry: KeyTiles): KeyTiles {
    view.keys.set(entry.key, entry);
    this.budget.add(entry);
    return entry;
  }

  weigh(entry: KeyTiles): void {
    this.budget.weigh(entry, numberBytes(entry.key, entry.runs) + entry.objectBytes + memoBytes(entry));
  }

  /** Sizes of objects take long to sum up: events and reads do without. */
  weighObjects(layout: TileLayout, entry: KeyTiles): void {
    entry.objectBytes = objectsOf(layout, entry.runs);
    this.weigh(entry);
  }

  /** Of the budget that it is in: another one may have begun. */
  release(entry: KeyTiles): void {
    (entry.budget ?? this.budget).release(entry);
  }

  /** Takes a key out, changed or not; what was made of it holds no longer. */
  drop(layout: TileLayout, key: string): void {
    const entry = this.viewOf(layout).keys.get(key);
    if (entry === undefined) return;
    this.budget.drop(entry);
    entry.left(entry);
  }

  /** Takes all keys out. */
  forget(): void {
    this.#evictedBefore = this.evicted;
    this.budget = new KeyBudget(this.budget.maxBytes);
    // Another map: what is on its way from the store was asked of it before.
    this.#views = new Map();
  }
}
