import { fail } from '../../base/errors/fail.ts';
import { inSlices } from '../../base/in-slices.ts';
import { topicOf } from '../../features/define/topic-of.ts';
import { START, type TileLayout } from '../../features/tile/tile-layout.ts';
import type { OnlineStore, TileCommit, TileReport, TileWrite } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import type { SeeChanges, TakeTiles } from './key-tiles.ts';
import type { TileCache } from './tile-cache.ts';
import { TileDrain } from './tile-drain.ts';
import type { Writer } from './writer.ts';

export interface TileCommitsOptions {
  readonly store: OnlineStore;
  readonly tiles: TileCache;
  readonly writer: Writer;
  /** Called once for each changed tile, before it is written. */
  readonly changed: SeeChanges;
  /** The position that the tiles in memory stand for. */
  readonly position: () => Position;
  /** Events that arrived before this instant are in the tiles, epoch ms. */
  readonly freshUntil: () => number;
  /** Tiles whose windows ended long enough before this log clock are neither written nor kept, epoch ms. */
  readonly keepClock: () => number;
}

/** Holds back new events while work needs the store to have everything. */
export interface EventGate {
  pause(): void;
  resume(): void;
}

/** How computed tiles are written. */
export interface ReplaceOptions {
  /** They are all tiles of their keys as of the position, which the store notes. */
  readonly areAll?: boolean;
  /** Views whose tiles are not reported as changed. */
  readonly untold?: ReadonlySet<TileLayout>;
}

/**
 * Writes changed tiles with their position, one commit after the other. Owns what is uncommitted, and the turn of everything that
 * must not run during a commit.
 */
export class TileCommits {
  readonly #options: TileCommitsOptions;
  #uncommitted = 0;
  #turn: Promise<void> = Promise.resolve();
  /** The position of the store. */
  #committed: Position = {};

  constructor(options: TileCommitsOptions) {
    this.#options = options;
  }

  /** Deliveries, or tiles of another engine, that were applied since the last commit. */
  get uncommitted(): number {
    return this.#uncommitted;
  }

  get committed(): Position {
    return this.#committed;
  }

  /** Notes that deliveries, or tiles of another engine, were applied. */
  applied(count: number): void {
    this.#uncommitted += count;
  }

  /** Starts from a position of the store; null: it has none. */
  openAt(position: Position | null): void {
    this.#committed = position ?? {};
    this.#uncommitted = 0;
  }

  /**
   * Writes the tiles that have changed by now, and the position, in one transaction. Events are taken meanwhile, and
   * wait for the next commit, as do tiles that cannot be written. Errors: those of the store.
   */
  commit(): Promise<TileReport> {
    // One after the other: a commit's position speaks for the tiles of all before it.
    return this.inTurn(() => this.commitNow());
  }

  /** Runs work during which nothing else commits. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.then(nothing, nothing);
    return turn;
  }

  /** As `commit`, for work that has the turn. Copies the changed tiles slice by slice, if the store takes them so. */
  commitNow(): Promise<TileReport> {
    const open = this.#options.store.openCommit?.(this.#options.freshUntil());
    if (open === undefined) return this.#commitWhole();
    return this.#commitBy(
      (tiles) => open.add(tiles),
      async (drain, commit) => {
        await inSlices(drain.steps);
        drain.check();
        return open.finish(commit);
      },
    );
  }

  /** No event comes between the copy of the tiles and the call of the store. */
  #commitWhole(): Promise<TileReport> {
    return this.#commitBy(nothing, (drain, commit) => {
      for (const _ of drain.steps);
      return Promise.resolve(this.#options.store.writeTiles({ ...commit, tiles: drain.tiles }));
    });
  }

  async #commitBy(
    take: TakeTiles,
    write: (drain: TileDrain, commit: Omit<TileCommit, 'tiles'>) => Promise<TileReport>,
  ): Promise<TileReport> {
    const { tiles, writer, changed, keepClock } = this.#options;
    const uncommitted = this.#uncommitted;
    const position = this.#options.position();
    const freshUntil = this.#options.freshUntil();
    const drain = new TileDrain(tiles, { archived: keepClock(), now: freshUntil, see: changed, take });
    this.#uncommitted = 0;
    try {
      const report = await write(drain, { writer, position, freshUntil });
      this.#committed = position;
      await inSlices(tiles.sweep(keepClock()));
      return report;
    } catch (error) {
      // The position of the next commit covers these tiles too: without them it would leave them out for ever.
      for (const _ of drain.steps);
      drain.takeBack();
      this.#uncommitted += uncommitted;
      throw error;
    }
  }

  /**
   * Writes tiles that were computed elsewhere, by the versioned upsert, and forgets them in memory. Events wait for the
   * write of one batch, not for all.
   */
  async replaceTiles(
    batches: AsyncIterable<readonly TileWrite[]>,
    gate: EventGate,
    how: ReplaceOptions = {},
  ): Promise<Readonly<Record<keyof TileReport, number>>> {
    const total = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
    for await (const tiles of batches) {
      if (tiles.length === 0) continue;
      const report = await this.#quietly(gate, () => this.#replaceNow(tiles, how));
      for (const outcome of ['applied', 'duplicate', 'stale', 'conflict'] as const) total[outcome] += report[outcome];
    }
    return total;
  }

  async #replaceNow(tiles: readonly TileWrite[], { areAll = false, untold }: ReplaceOptions): Promise<TileReport> {
    const { store, writer, position, changed } = this.#options;
    // No event comes between here and `forget`: nothing in memory is newer than the store.
    const at = position();
    const covers = areAll ? { covers: coversOf(tiles, at) } : {};
    // Everything is committed: windows of all tiles of a key are as fresh as a commit's.
    const fresh = tiles[0]?.all === undefined ? {} : { freshUntil: this.#options.freshUntil() };
    const written = store.writeTiles({ writer, position: at, tiles, ...fresh, ...covers });
    this.#options.tiles.forget();
    for (const { layout, hopMs, key, run, index } of tiles) {
      if (untold?.has(layout) === true) continue;
      const start = run.nums[index * layout.numbers + START];
      changed(layout, key, [layout.view.hopsMs.indexOf(hopMs), start]);
    }
    return written;
  }

  /**
   * Drops all tiles and batch rows of a key, in memory and in the store, and returns the position up to which events were in
   * them. Later events begin new tiles. Error: STORE_CAPABILITY.
   */
  async forgetKey(
    layouts: readonly TileLayout[],
    { batchViews, key }: { readonly batchViews: readonly string[]; readonly key: string },
    gate: EventGate,
  ): Promise<Position> {
    const { store, tiles } = this.#options;
    if (store.dropKey === undefined) throw fail('STORE_CAPABILITY', { capability: 'dropKey' });
    return this.#quietly(gate, async () => {
      // No event comes between these: memory, store and position have the same events.
      for (const layout of layouts) tiles.forgetKey(layout, key);
      const dropped = store.dropKey?.(layouts, batchViews, key);
      const position = this.#options.position();
      await dropped;
      return position;
    });
  }

  /**
   * Works with everything committed and, until its first wait, nothing in memory that is newer than the store. It has the turn: no
   * rewind comes between a position and its tiles.
   */
  #quietly<T>(gate: EventGate, work: () => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      // Before the commit: if a commit takes longer than the next event, there would always be something left.
      gate.pause();
      try {
        await this.commitNow();
        while (this.#uncommitted > 0) await this.#commitWhole();
        return await work();
      } finally {
        gate.resume();
      }
    });
  }
}

/** By view, the offsets of its source. */
function coversOf(tiles: readonly TileWrite[], at: Position): ReadonlyMap<TileLayout, readonly number[]> {
  const layouts = new Set(tiles.map(({ layout }) => layout));
  return new Map([...layouts].map((layout) => [layout, at[topicOf(layout.view.source)] ?? []]));
}

function nothing(): void {}
