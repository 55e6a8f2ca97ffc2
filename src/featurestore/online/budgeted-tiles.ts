import { fail } from '../../base/errors/fail.ts';
import type { StreamViewData } from '../../features/define/declaration.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import { tileBytes } from '../materialise/tile-bytes.ts';
import type { LateSeen } from './budgeted-reads.ts';
import type { TileLookup } from './fetch-tiles.ts';
import type { TileSource } from './tile-source.ts';
import { within } from './within.ts';

/** Bytes of the last tiles that are kept for `lastKnown`: 64 MiB. */
const KEPT_BYTES = 2 ** 26;

/**
 * Tiles that may have to be fetched, each view within its declared budget, as `budgetedReads` does it for batch values.
 * One round trip that is not back within the longest budget of its views is late for all of them. Views with tiles in
 * memory are not affected. Errors: REQUEST_LATENCY.
 */
export function budgetedTiles(source: TileSource, views: readonly StreamViewData[], seen: LateSeen): TileSource {
  const fetch = source.fetch?.bind(source);
  if (fetch === undefined || views.every(({ latency }) => latency === undefined)) return source;
  const known = new KnownTiles();
  const keepsLast = views.some(({ latency }) => latency?.otherwise === 'lastKnown');
  return {
    ...source,
    fetch: (lookups, at, isPart) => {
      // Kept tiles answer later instants.
      const fetched = fetch(lookups, at, isPart && !keepsLast);
      if (fetched === undefined) return undefined;
      const noted = fetched.then((tiles) => {
        for (const { layout, key } of lookups)
          if (layout.view.latency?.otherwise === 'lastKnown')
            known.set(layout, key, {
              runs: tiles.runsOf(layout, key, at),
              answersFrom: tiles.answersFrom(layout.view),
              at,
            });
        return tiles;
      });
      const budgets = lookups.map(({ layout }) => layout.view.latency?.withinMs ?? Number.POSITIVE_INFINITY);
      const waitMs = Math.max(...budgets);
      return Number.isFinite(waitMs) ? within(noted, waitMs, () => lateTiles(source, lookups, known, seen)) : noted;
    },
  };
}

/** Stands in for tiles that did not come: the last known, or nothing, as each view declares. */
function lateTiles(source: TileSource, lookups: readonly TileLookup[], known: KnownTiles, seen: LateSeen): TileSource {
  const late = new Set<StreamViewData>();
  /** Of the views that have kept tiles, the oldest of them. */
  const oldest = new Map<StreamViewData, Kept>();
  for (const { layout, key } of lookups) {
    const { view } = layout;
    const { withinMs, otherwise } = view.latency ?? { withinMs: 0, otherwise: 'null' };
    seen(`${view.name}@${view.version}`, otherwise);
    if (otherwise === 'fail') throw fail('REQUEST_LATENCY', { view: view.name, withinMs });
    const kept = otherwise === 'lastKnown' ? known.get(layout, key) : undefined;
    if (kept === undefined) late.add(view);
    else if (kept.at < (oldest.get(view)?.at ?? Number.POSITIVE_INFINITY)) oldest.set(view, kept);
  }
  return {
    runsOf: (layout, key) => known.get(layout, key)?.runs ?? [],
    answersFrom: (view) => oldest.get(view)?.answersFrom ?? Number.POSITIVE_INFINITY,
    lagMs: (view, now) => now - (oldest.get(view)?.at ?? now),
    degraded: () => source.degraded?.() ?? false,
    isLate: (view) => late.has(view),
  };
}

interface Kept {
  readonly runs: readonly TileRun[];
  /** The earliest instant that they answer. */
  readonly answersFrom: number;
  /** The instant that they were fetched for, epoch ms. */
  readonly at: number;
}

/** The last tiles of the newest keys, in two generations, so that old keys leave. */
class KnownTiles {
  readonly #views = new Map<TileLayout, { hot: Map<string, Kept>; cold: Map<string, Kept> }>();
  #hotBytes = 0;

  get(layout: TileLayout, key: string): Kept | undefined {
    const view = this.#views.get(layout);
    return view?.hot.get(key) ?? view?.cold.get(key);
  }

  set(layout: TileLayout, key: string, kept: Kept): void {
    const view = this.#views.get(layout) ?? { hot: new Map(), cold: new Map() };
    this.#views.set(layout, view);
    const before = view.hot.get(key);
    if (before !== undefined) this.#hotBytes -= tileBytes(layout, key, before.runs);
    view.hot.set(key, kept);
    this.#hotBytes += tileBytes(layout, key, kept.runs);
    if (this.#hotBytes < KEPT_BYTES / 2) return;
    this.#hotBytes = 0;
    for (const each of this.#views.values()) {
      each.cold = each.hot;
      each.hot = new Map();
    }
  }
}
