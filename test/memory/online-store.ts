import type { TileLayout } from '../../src/features/tile/tile-layout.ts';
import { appendTile, dropFirst, emptyRun, lowerBound, type TileRun } from '../../src/features/tile/tile-run.ts';
import { upsertTile } from '../../src/features/tile/upsert.ts';
import type {
  BatchAnswer,
  BatchGeneration,
  BatchRead,
  BatchRow,
  OnlineStore,
  OnlineStoreCapabilities,
  TileCommit,
  TileRead,
  TileReport,
  TileSweep,
} from '../../src/ports/online-store.ts';
import type { Position } from '../../src/ports/position.ts';
import type { Columns, Value } from '../../src/schema/column.ts';

interface HeldGeneration {
  readonly generation: BatchGeneration;
  readonly rows: Map<string, readonly Value[]>;
}

interface HeldView {
  current: HeldGeneration | null;
  readonly unseen: Map<number, HeldGeneration>;
}

/** The online store in memory: the definition of the port. Nothing survives the process. */
export class MemoryOnlineStore implements OnlineStore {
  readonly capabilities: OnlineStoreCapabilities = {
    durable: false,
    synchronousReads: true,
    sharedReads: false,
    atomicCommits: true,
  };
  readonly #tiles = new Map<string, Map<string, TileRun>>();
  readonly #positions = new Map<string, Position>();
  readonly #batch = new Map<string, HeldView>();

  readTiles(reads: readonly TileRead[]): readonly TileRun[] {
    return reads.map(({ layout, hopMs, key, from, to }) => {
      const answer = emptyRun(layout);
      const run = this.#hop(layout, hopMs).get(key);
      if (run === undefined) return answer;
      const end = lowerBound(run, layout, to);
      for (let i = lowerBound(run, layout, from); i < end; i += 1) appendTile(layout, answer, run, i);
      return answer;
    });
  }

  writeTiles({ writer, position, tiles }: TileCommit): TileReport {
    const report = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
    for (const { layout, hopMs, key, run, index } of tiles) {
      const keys = this.#hop(layout, hopMs);
      const held = keys.get(key) ?? emptyRun(layout);
      keys.set(key, held);
      report[upsertTile(layout, held, run, index)] += 1;
    }
    this.#positions.set(writer, structuredClone(position));
    return report;
  }

  position(writer: string): Position | null {
    return this.#positions.get(writer) ?? null;
  }

  writers(): readonly string[] {
    return [...this.#positions.keys()];
  }

  writeBatch(generation: BatchGeneration, _features: Columns, rows: readonly BatchRow[]): void {
    const view = this.#view(generation.viewId);
    const held = view.unseen.get(generation.generation) ?? { generation, rows: new Map<string, readonly Value[]>() };
    view.unseen.set(generation.generation, held);
    for (const { key, values } of rows) held.rows.set(key, structuredClone(values));
  }

  switchBatch(generation: BatchGeneration): void {
    const view = this.#view(generation.viewId);
    const rows = view.unseen.get(generation.generation)?.rows ?? new Map<string, readonly Value[]>();
    view.current = { generation, rows };
    view.unseen.clear();
  }

  readBatch(reads: readonly BatchRead[]): readonly (BatchAnswer | null)[] {
    return reads.map(({ viewId, key }) => {
      const { current } = this.#view(viewId);
      return current === null ? null : { generation: current.generation, values: current.rows.get(key) ?? null };
    });
  }

  dropTiles(sweeps: readonly TileSweep[]): void {
    for (const { layout, horizons } of sweeps)
      for (const { hopMs, endedBefore } of horizons)
        for (const run of this.#hop(layout, hopMs).values())
          dropFirst(run, layout, lowerBound(run, layout, endedBefore - hopMs + 1));
  }

  dropView(viewId: string): void {
    for (const name of [...this.#tiles.keys()])
      if (name.slice(0, name.lastIndexOf('/')) === viewId) this.#tiles.delete(name);
  }

  dropKey(layouts: readonly TileLayout[], batchViews: readonly string[], key: string): void {
    for (const layout of layouts) for (const hopMs of layout.view.hopsMs) this.#hop(layout, hopMs).delete(key);
    for (const viewId of batchViews) {
      const { current, unseen } = this.#view(viewId);
      for (const held of [current, ...unseen.values()]) held?.rows.delete(key);
    }
  }

  close(): void {
    this.#tiles.clear();
  }

  #hop(layout: TileLayout, hopMs: number): Map<string, TileRun> {
    const name = `${layout.viewId}/${hopMs}`;
    const keys = this.#tiles.get(name) ?? new Map<string, TileRun>();
    this.#tiles.set(name, keys);
    return keys;
  }

  #view(viewId: string): HeldView {
    const view = this.#batch.get(viewId) ?? { current: null, unseen: new Map() };
    this.#batch.set(viewId, view);
    return view;
  }
}
