import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import { SourceFolder, viewKeyEncoder } from '../../features/engine/stream-engine.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { DeliverySink, JudgedDeliveries } from '../../ports/delivery-sink.ts';
import type { Value } from '../../schema/column.ts';
import type { KeyTiles, ViewKey } from './key-tiles.ts';
import type { TileFold } from './tile-fold.ts';

interface FoldedSource {
  readonly folder: SourceFolder<KeyTiles>;
  readonly keyed: readonly { readonly layout: TileLayout; readonly keyOf: (row: readonly Value[]) => string | null }[];
}

/** Adds accepted events to the tiles of their views. Hot path. */
export class TileSink implements DeliverySink {
  readonly name = 'tiles';
  readonly takesAgain = true;
  readonly #sources: ReadonlyMap<string, FoldedSource>;
  /** The delivery that is being added: one object for all, since there are millions. */
  readonly #of = { partition: 0, offset: 0, ts: 0 };

  constructor(sources: readonly EventSourceData[], layouts: readonly TileLayout[], fold: TileFold) {
    const folded = (source: EventSourceData): FoldedSource => {
      const own = layouts.filter(({ view }) => view.source.name === source.name);
      const folder = new SourceFolder<KeyTiles>(own, {
        tilesOf: (layout, key, ts) => {
          this.#of.ts = ts;
          return fold.tilesOf(layout, key, this.#of);
        },
        changed: (layout, tiles, hop, start) => fold.changed(layout, tiles, hop, start),
      });
      return { folder, keyed: own.map((layout) => ({ layout, keyOf: viewKeyEncoder(layout.view) })) };
    };
    this.#sources = new Map(sources.map((source) => [source.name, folded(source)]));
  }

  take({ source, partition, offset, deliveries, verdicts }: JudgedDeliveries): void {
    const folder = this.#sources.get(source.name)?.folder;
    if (folder === undefined) return;
    this.#of.partition = partition;
    let failure: { readonly error: unknown } | null = null;
    for (let i = 0; i < deliveries.length; i += 1) {
      if (verdicts[i] !== 'accepted') continue;
      this.#of.offset = offset + i;
      try {
        folder.fold(deliveries[i]);
      } catch (error) {
        // One tile that cannot be read must not keep events from the tiles of other keys.
        failure ??= { error };
      }
    }
    if (failure !== null) throw failure.error;
  }

  /** The keys that deliveries of a source touch. */
  keysOf(source: EventSourceData, deliveries: readonly Delivery[]): readonly ViewKey[] {
    const keys: ViewKey[] = [];
    for (const { layout, keyOf } of this.#sources.get(source.name)?.keyed ?? []) {
      const seen = new Set<string>();
      for (const { row } of deliveries) {
        const key = keyOf(row);
        if (key === null || seen.has(key)) continue;
        seen.add(key);
        keys.push({ layout, key });
      }
    }
    return keys;
  }
}
