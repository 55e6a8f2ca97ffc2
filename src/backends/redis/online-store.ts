import { randomBytes } from 'node:crypto';
import { fail } from '../../base/errors/fail.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { HandOver } from '../../ports/hand-over.ts';
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
} from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import type { LoadedKey, RemoteStore } from '../../ports/remote-store.ts';
import type { ShareNames } from '../../ports/tile-shares.ts';
import type { Columns } from '../../schema/column.ts';
import { Anchors } from './anchors.ts';
import { BatchRows } from './batch-rows.ts';
import { checkPolicy, checkServers } from './check-server.ts';
import { eachRecordWith } from './each-record.ts';
import { rowName, runsOf, storedTiles, tilesName, windowsName, withoutTiles } from './entity-record.ts';
import { leaveFormerLayout, removeAll, removeFormerLayout } from './former-layout.ts';
import { handedBatches } from './handed-batches.ts';
import { CHUNK, KeyWrites, type RecordWrite, writeKeys } from './key-writes.ts';
import { WriterLock } from './lock.ts';
import { checkOwner } from './owner.ts';
import { Reader } from './reader.ts';
import { readSections, removeSections, replaceSections, sectionsOf } from './record-scripts.ts';
import { bytesOf, listOf, RedisLink, textOf } from './redis-link.ts';
import type { RedisOptions } from './redis-options.ts';
import { replaceTiles } from './replace-tiles.ts';
import { shareHot } from './scripts.ts';
import { SharedKeys } from './shared-keys.ts';
import { codeOf, type RecordPlace, type StoreKeys, storeKeys } from './store-keys.ts';
import { coversOf, decodeStamp, encodeStamp } from './tile-block.ts';
import { checkShares } from './tile-shares.ts';

/** Names that are hot at once, over all processes. */
const MOST_HOT = 1_000;

/** Servers are asked this often whether they may evict, ms. */
const POLICY_EVERY_MS = 5_000;

/**
 * Opens the store in a Redis or Valkey. `read`: for reading only, without a lock. `shares`: the shares of several writing
 * processes; null or absent: this process writes the tiles. Errors: REDIS_*, STORE_LOCKED, NAMESPACE_TAKEN.
 */
export async function openRedisStore(
  options: RedisOptions,
  access: 'write' | 'read' = 'write',
  shares: ShareNames | null = null,
): Promise<OnlineStore> {
  const link = await RedisLink.open(options);
  try {
    await checkServers(link);
    checkShares(link, shares);
    const keys = storeKeys(options.prefix, options.nested);
    const lock = access === 'write' ? new WriterLock(link, keys) : null;
    const { prefix: namespace, owner } = options;
    if (owner !== undefined) {
      const own = lock === null ? { ...owner, data: null } : owner;
      await checkOwner(link, keys, { namespace, owner: own });
    }
    await lock?.take();
    const anchors = new Anchors(link, keys, lock?.owner ?? '', shares);
    const hasFormer = lock !== null && (await leaveFormerLayout(link, keys));
    await anchors.read(lock !== null);
    const isOfLog = shares?.continues !== undefined;
    const store = new RedisOnlineStore({ link, keys, lock, anchors, isOfLog });
    if (lock !== null && anchors.isNestedOtherwise) await store.startOver();
    else await store.takeHanded();
    if (hasFormer) store.removeFormer();
    return store;
  } catch (error) {
    link.close();
    throw error;
  }
}

interface Parts {
  readonly link: RedisLink;
  readonly keys: StoreKeys;
  readonly lock: WriterLock | null;
  readonly anchors: Anchors;
  /** Whether many processes make the tiles of the log. */
  readonly isOfLog: boolean;
}

/** A record for each entity, positions on the anchors; see entity-record.ts and anchors.ts. */
class RedisOnlineStore implements OnlineStore {
  readonly capabilities: OnlineStoreCapabilities = {
    durable: true,
    synchronousReads: false,
    sharedReads: true,
    atomicCommits: false,
  };
  readonly remote: RemoteStore = {
    read: (request) => this.#reader.read(request),
    load: (writer, keys) => this.#load(writer, keys),
    verify: (freshUntil) => this.#inTurn(() => this.#verify(freshUntil)),
    rewind: () => this.#inTurn(() => this.#rewind()),
    confirm: () => this.#inTurn(() => this.#confirm()),
    freshUntil: () => this.#freshUntil(),
    sharePlaces: () => this.#link.within(this.#anchors.sharePlaces()),
    closeShares: (forgets) => this.#inTurn(() => this.#anchors.closeShares(forgets)),
    shareHot: (names, forMs) => this.#shareHot(names, forMs),
  };
  readonly handOver: HandOver;
  readonly #link: RedisLink;
  readonly #keys: StoreKeys;
  readonly #parts: Pick<Parts, 'link' | 'keys'>;
  readonly #lock: WriterLock | null;
  readonly #anchors: Anchors;
  readonly #batch: BatchRows;
  readonly #reader: Reader;
  readonly #writes: KeyWrites;
  /** null: no other process adds to its tiles. */
  readonly #shared: SharedKeys | null;
  #whole = false;
  /** Keys were found whose place in the log nobody knows. */
  #torn = false;
  #policyAt = performance.now();
  readonly #inTurn = turnsInOrder();
  readonly #closing = new AbortController();

  constructor({ link, keys, lock, anchors, isOfLog }: Parts) {
    this.#link = link;
    this.#keys = keys;
    this.#parts = { link, keys };
    this.#lock = lock;
    this.#anchors = anchors;
    this.#batch = new BatchRows(link, keys, anchors);
    this.#reader = new Reader(link, keys, anchors.places);
    this.#writes = new KeyWrites(keys);
    const parts = { writes: this.#writes, anchor: anchors.places[0], who: randomBytes(6) };
    this.#shared = isOfLog ? new SharedKeys(link, keys, parts) : null;
    this.handOver = handedBatches(link, keys);
  }

  async readTiles(reads: readonly TileRead[]): Promise<readonly TileRun[]> {
    return (await this.#reader.read({ tiles: reads, windows: [], batch: [] })).runs;
  }

  readBatch(reads: readonly BatchRead[]): Promise<readonly (BatchAnswer | null)[]> {
    return this.#reader.read({ tiles: [], windows: [], batch: reads }).then(({ batch }) => batch);
  }

  async writeTiles(commit: TileCommit): Promise<TileReport> {
    const shared = this.#shared;
    if (shared !== null && commit.tiles.length > 0) return this.#inTurn(() => this.#writeShared(shared, commit));
    // Before the first wait: the tiles are in memory that their writer changes.
    const calls = this.#writes.of(commit.tiles, { now: commit.freshUntil });
    return this.#inTurn(() => this.#write(commit, calls));
  }

  async #write({ writer, position, freshUntil }: TileCommit, calls: readonly RecordWrite[]): Promise<TileReport> {
    const commit = await this.#anchors.begin(writer, position);
    const report = await writeKeys(this.#link, calls, encodeStamp(commit));
    await this.#anchors.end(commit, writer, position, freshUntil ?? Number.NEGATIVE_INFINITY);
    return report;
  }

  /** Writes tiles that were computed elsewhere, next to processes that add to them. */
  async #writeShared(
    shared: SharedKeys,
    { writer, position, freshUntil, tiles, covers }: TileCommit,
  ): Promise<TileReport> {
    const commit = await this.#anchors.begin(writer, position);
    const guards = [['own', this.#lock?.owner ?? ''] as const];
    const use = { guards, now: freshUntil, ahead: this.#anchors.ahead, covers };
    const report = await replaceTiles(shared, tiles, use);
    if (report === null) throw fail('STORE_LOCKED', { path: this.#link.address });
    await this.#anchors.end(commit, writer, position, freshUntil ?? Number.NEGATIVE_INFINITY);
    return report;
  }

  /** Continues where the processes stood that made the tiles before; starts over where nobody knows what some tiles have. */
  async takeHanded(): Promise<void> {
    const { handed } = this.#anchors;
    if (this.#lock === null || handed === null) return;
    if (handed.position === null) return this.startOver();
    const { writer, position, readers } = handed;
    for (const [name, at] of [[writer, position] as const, ...readers.map((reader) => [reader, {}] as const)]) {
      const commit = await this.#anchors.begin(name, at);
      await this.#anchors.end(commit, name, at, Number.NEGATIVE_INFINITY);
    }
  }

  async position(writer: string): Promise<Position | null> {
    if (this.#lock === null) await this.#anchors.read(false);
    return this.#anchors.position(writer);
  }

  async writers(): Promise<readonly string[]> {
    if (this.#lock === null) await this.#anchors.read(false);
    return this.#anchors.writers();
  }

  async writeBatch(generation: BatchGeneration, features: Columns, rows: readonly BatchRow[]): Promise<void> {
    await this.#batch.write(generation, features, rows);
  }

  async switchBatch(generation: BatchGeneration): Promise<void> {
    await this.#inTurn(() => this.#batch.switchTo(generation));
  }

  async dropTiles(sweeps: readonly TileSweep[], signal?: AbortSignal): Promise<void> {
    for (const sweep of sweeps) await this.#dropTilesOf(sweep, signal);
  }

  async #dropTilesOf({ layout, horizons }: TileSweep, signal?: AbortSignal): Promise<void> {
    const before = layout.view.hopsMs.map((hopMs) => horizons.find((each) => each.hopMs === hopMs)?.endedBefore);
    const beginning = tilesName(codeOf(layout.viewId));
    await eachRecordWith(this.#parts, [beginning], (record) => this.#dropOfRecord(layout, record, before), signal);
  }

  async dropView(viewId: string, signal?: AbortSignal): Promise<void> {
    const code = codeOf(viewId);
    const beginnings = [tilesName(code), windowsName(code)];
    const args = ['0', '2', ...beginnings];
    await eachRecordWith(this.#parts, beginnings, (record) => this.#link.eval(removeSections, record, args), signal);
  }

  async dropKey(layouts: readonly TileLayout[], batchViews: readonly string[], key: string): Promise<void> {
    await this.#inTurn(async () => {
      const removed = layouts.map((layout) => {
        const { record, id } = this.#keys.of(layout, key);
        return this.#link.eval(removeSections, record, ['2', tilesName(id), windowsName(id), '0']);
      });
      const rows = batchViews.map((viewId) => rowName(codeOf(viewId)));
      if (rows.length > 0)
        removed.push(this.#link.eval(removeSections, this.#keys.record(key), ['0', String(rows.length), ...rows]));
      await this.#link.within(Promise.all(removed));
    });
  }

  /** Empties the store of the records of another nesting of entities: they are written again from the log. */
  async startOver(): Promise<void> {
    await this.#anchors.forget();
    await this.#removeRecords();
    await this.#anchors.read(true);
  }

  /** Removes the rest of the former layout, while the store is used. */
  removeFormer(): void {
    removeFormerLayout(this.#link, this.#keys, this.#closing.signal).catch(() => undefined);
  }

  async #removeRecords(): Promise<void> {
    for await (const keys of this.#link.scan(this.#keys.everything())) await removeAll(this.#link, keys);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    try {
      await this.#lock?.drop();
    } finally {
      this.#link.close();
    }
  }

  async #dropOfRecord(layout: TileLayout, record: RecordPlace, before: readonly (number | undefined)[]): Promise<void> {
    const list = listOf(await this.#link.eval(sectionsOf, record, [tilesName(codeOf(layout.viewId))]));
    const args: (string | Buffer)[] = [];
    for (let i = 0; i < list.length; i += 2) {
      const bytes = bytesOf(list[i + 1]);
      const kept = bytes === null ? null : withoutTiles(layout, bytes, before);
      if (bytes !== null && kept !== null) args.push(textOf(list[i]).slice(1), bytes, Buffer.from(kept));
    }
    if (args.length > 0) await this.#link.eval(replaceSections, record, args);
  }

  async #load(
    writer: string,
    keys: readonly { readonly layout: TileLayout; readonly key: string }[],
  ): Promise<readonly LoadedKey[]> {
    const loaded: LoadedKey[] = [];
    for (let i = 0; i < keys.length; i += CHUNK) {
      const reads = keys.slice(i, i + CHUNK).map(async ({ layout, key }) => {
        const { record, id } = this.#keys.of(layout, key);
        const [found] = listOf(await this.#link.eval(readSections, record, [tilesName(id)]));
        return { layout, stored: storedTiles(bytesOf(found)) };
      });
      for (const { layout, stored } of await this.#link.within(Promise.all(reads))) {
        const commit = stored.stamp === null ? null : decodeStamp(stored.stamp);
        // Of processes that made the tiles before: what they had may be ahead of where they stood.
        const theirs = stored.stamp === null ? [] : coversOf(stored.stamp);
        const covers = commit === null ? (theirs.length === 0 ? null : theirs) : this.#anchors.covers(writer, commit);
        if (covers === 'unknown') {
          this.#torn = true;
          throw fail('STORE_LOST', { path: this.#link.address });
        }
        loaded.push({ runs: runsOf(layout, stored), covers });
      }
    }
    return loaded;
  }

  async #verify(freshUntil: number): Promise<'whole' | 'lost'> {
    if (performance.now() - this.#policyAt >= POLICY_EVERY_MS) {
      await checkPolicy(this.#link);
      this.#policyAt = performance.now();
    }
    try {
      await this.#anchors.markFresh(freshUntil);
      if (this.#whole) await this.#anchors.confirm();
      return this.#torn ? 'lost' : 'whole';
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'STORE_LOST') return 'lost';
      throw error;
    }
  }

  async #freshUntil(): Promise<number> {
    const said = await this.#anchors.field('fresh');
    return Math.min(...said.map((fresh) => (fresh === '' ? Number.NEGATIVE_INFINITY : Number(fresh))));
  }

  async #shareHot(names: readonly string[], forMs: number): Promise<readonly string[]> {
    const args = [String(forMs), String(MOST_HOT), ...names];
    return listOf(await this.#link.within(this.#link.eval(shareHot, [this.#keys.hot], args))).map(textOf);
  }

  async #rewind(): Promise<void> {
    this.#whole = false;
    await this.#lock?.renew();
    if (this.#torn) {
      // Tiles whose state is unknown are recomputed.
      await this.#anchors.forget();
      await this.#removeRecords();
      this.#torn = false;
    }
    await this.#anchors.read(true);
  }

  async #confirm(): Promise<void> {
    await this.#anchors.confirm();
    this.#whole = true;
  }
}
