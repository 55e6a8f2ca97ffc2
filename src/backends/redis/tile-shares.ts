import { randomBytes } from 'node:crypto';
import { fail } from '../../base/errors/fail.ts';
import type { TileReport } from '../../ports/online-store.ts';
import type {
  AddedFrom,
  SharedAddition,
  SharedKey,
  SharedKeyRead,
  ShareNames,
  SharePlace,
  ShareWrite,
  TileShares,
} from '../../ports/tile-shares.ts';
import { anchorPlaces, sharesText, wholeTokens } from './anchors.ts';
import { checkServers } from './check-server.ts';
import { runsOf, storedTiles, tilesName } from './entity-record.ts';
import { KeyWrites, type WrittenKey, writeKeys } from './key-writes.ts';
import { aheadOf, type CommitsAhead, leastPlace } from './log-shares.ts';
import { checkOwner } from './owner.ts';
import { keepWindows, readSections } from './record-scripts.ts';
import { bytesOf, listOf, RedisLink, type Reply, textOf } from './redis-link.ts';
import type { RedisOptions } from './redis-options.ts';
import { moveShares, takeShares } from './scripts.ts';
import { SharedKeys } from './shared-keys.ts';
import { type Place, type RecordPlace, type StoreKeys, storeKeys } from './store-keys.ts';
import { encodeSharedStamp } from './tile-block.ts';

/** Opens the store in a Redis or Valkey for one of many processes that write its tiles. Errors: REDIS_*, NAMESPACE_TAKEN, TILES_CLUSTER. */
export async function openRedisShares(options: RedisOptions, names: ShareNames): Promise<TileShares> {
  const link = await RedisLink.open(options);
  try {
    await checkServers(link);
    checkShares(link, names);
    const keys = storeKeys(options.prefix, options.nested);
    const { prefix: namespace, owner } = options;
    if (owner !== undefined) await checkOwner(link, keys, { namespace, owner: { ...owner, data: null } });
    return new RedisTileShares(link, keys, names);
  } catch (error) {
    link.close();
    throw error;
  }
}

/** A cluster has no script over an anchor and a record: nothing would keep a process from writing to what another has lost. Error: TILES_CLUSTER. */
export function checkShares(link: RedisLink, names: ShareNames | null): void {
  if (names?.continues !== undefined && link.isCluster) throw fail('TILES_CLUSTER', {});
}

/**
 * Shares on the anchors of a store (anchors.ts). A write needs no note before its tiles, since tiles ahead of a share's position
 * change nothing when they are written again. The tiles of one key are in several shares: its stored windows are computed from
 * the stored tiles, unless another process wrote in between.
 */
class RedisTileShares implements TileShares {
  readonly #link: RedisLink;
  readonly #names: ShareNames;
  readonly #writes: KeyWrites;
  readonly #anchors: readonly Place[];
  readonly #nesting: string;
  readonly #who = randomBytes(6);
  /** By anchor and share, what this process left there. */
  #left: readonly Map<number, string>[];
  #written = 0;
  readonly #shared: SharedKeys;
  #ahead: CommitsAhead = new Map();
  /** The server processes before the first of the additions whose places are not written yet. */
  #runs: readonly string[] | null = null;

  constructor(link: RedisLink, keys: StoreKeys, names: ShareNames) {
    this.#link = link;
    this.#names = names;
    this.#nesting = keys.nesting;
    this.#writes = new KeyWrites(keys);
    this.#anchors = anchorPlaces(link, keys);
    this.#left = this.#anchors.map(() => new Map());
    const { writes, who } = { writes: this.#writes, who: this.#who };
    this.#shared = new SharedKeys(link, keys, { writes, anchor: this.#anchors[0], who });
  }

  async take(shares: readonly number[], distrust: boolean): Promise<ReadonlyMap<number, SharePlace | null>> {
    const args = [...this.#named(), this.#owner, distrust ? '1' : '0', ...shares.map(String)];
    const answers = await this.#ofAnchors((anchor) => this.#link.eval(takeShares, [anchor], args));
    this.#mustBeOpen(answers);
    this.#runs = null;
    if (this.#names.continues !== undefined) this.#ahead = await this.#readAhead();
    const found = answers.map((places) => listOf(places).map(textOf));
    found.forEach((places, a) => {
      shares.forEach((share, s) => {
        this.#left[a].set(share, this.#noted(places[s]));
      });
    });
    return new Map(shares.map((share, s) => [share, leastPlace(found.map((places) => places[s]))]));
  }

  async write({ tiles, places, freshUntil, now, isWhole }: ShareWrite): Promise<TileReport | null> {
    const runs = this.#runs ?? (await this.#runIds());
    this.#runs = null;
    const calls = this.#writes.of(tiles, { now, keepsWindows: false });
    this.#written += 1;
    const stamp = encodeSharedStamp(this.#who, this.#written);
    const report = await writeKeys(this.#link, calls, stamp, (record, key) => this.#keepWindows(record, key, now));
    return (await this.#move(places, runs, freshUntil, isWhole)) ? report : null;
  }

  load(keys: readonly SharedKeyRead[]): Promise<readonly SharedKey[]> {
    return this.#shared.load(keys, this.#ahead);
  }

  async add(
    additions: readonly SharedAddition[],
    { shares, now }: AddedFrom,
  ): Promise<readonly SharedAddition[] | null> {
    this.#runs ??= await this.#runIds();
    const held = shares.map((share) => [`s${share}`, this.#left[0].get(share) ?? ''] as const);
    const guards = [['shares', sharesText(this.#names)] as const, ...held];
    const { left } = await this.#shared.add(additions, { guards, now });
    if (left !== null) return left;
    const [open] = await this.#ofAnchors((anchor) => this.#link.send(anchor, ['HGET', anchor.key, 'shares']));
    this.#mustBeOpen([textOf(open) === sharesText(this.#names) ? open : 'closed']);
    return null;
  }

  async close(): Promise<void> {
    this.#link.close();
  }

  async #readAhead(): Promise<CommitsAhead> {
    const [ahead] = await this.#ofAnchors((anchor) => this.#link.send(anchor, ['HGET', anchor.key, 'ahead']));
    return aheadOf(textOf(ahead));
  }

  /** Says where shares are read on; false: one of them is not as it was left. */
  async #move(
    places: ShareWrite['places'],
    runs: readonly string[],
    freshUntil: number | null,
    isWhole: boolean,
  ): Promise<boolean> {
    const fresh = freshUntil === null ? '' : String(freshUntil);
    const whole = isWhole ? wholeTokens(runs, this.#nesting) : '';
    const noted = [...places].map(([share, place]) => [share, this.#noted(JSON.stringify(place))] as const);
    const answers = await this.#ofAnchors((anchor, a) => {
      const moved = noted.flatMap(([share, text]) => [String(share), this.#left[a].get(share) ?? '', text]);
      return this.#link.eval(moveShares, [anchor], [...this.#named(), runs[a], fresh, whole, ...moved]);
    });
    answers.forEach((answer, a) => {
      if (textOf(answer) === 'ok') for (const [share, text] of noted) this.#left[a].set(share, text);
    });
    this.#mustBeOpen(answers);
    const texts = answers.map(textOf);
    if (texts.includes('moved')) return false;
    // It may lack tiles that the previous one had acknowledged.
    if (texts.includes('busy'))
      throw fail('REDIS_BUSY', { address: this.#link.address, reason: 'a server restarted during a write of tiles' });
    return true;
  }

  /** Sets the windows of a key that was written, of all its tiles, unless another writes it meanwhile: then that one does. */
  async #keepWindows(record: RecordPlace, { layout, id }: WrittenKey, now: number): Promise<void> {
    const writer = this.#writes.windowsOf(layout);
    if (writer === null) return;
    const [found] = listOf(await this.#link.eval(readSections, record, [tilesName(id)]));
    const stored = storedTiles(bytesOf(found));
    const made = writer.write(runsOf(layout, stored), now);
    if (stored.stamp === null || made === null) return;
    const bytes = Buffer.from(made.buffer, made.byteOffset, made.length);
    await this.#link.eval(keepWindows, record, [id, stored.stamp, bytes]);
  }

  #named(): readonly string[] {
    return [sharesText(this.#names), String(this.#names.shares)];
  }

  get #owner(): string {
    return this.#who.toString('hex');
  }

  /** A share as an anchor has it when it is this process's. */
  #noted(place: string): string {
    return `${this.#owner} ${place}`;
  }

  #mustBeOpen(answers: readonly Reply[]): void {
    if (answers.some((answer) => textOf(answer) === 'closed'))
      throw fail('TILES_CLOSED', { engine: this.#names.engine, partitions: this.#names.shares });
  }

  #runIds(): Promise<readonly string[]> {
    return this.#ofAnchors(async ({ slot }) => (await this.#link.nodeAgain(slot)).runId);
  }

  #ofAnchors<T>(work: (anchor: Place, a: number) => Promise<T>): Promise<readonly T[]> {
    return this.#link.within(Promise.all(this.#anchors.map(work)));
  }
}
