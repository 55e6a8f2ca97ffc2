import { topicOf } from '../../features/define/topic-of.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileReport } from '../../ports/online-store.ts';
import type { SharedAddition, SharedKey, SharedKeyRead } from '../../ports/tile-shares.ts';
import { runsOf, storedTiles, tilesName } from './entity-record.ts';
import { CHUNK, type KeyWrites, type RecordWrite } from './key-writes.ts';
import type { CommitsAhead } from './log-shares.ts';
import { readSections } from './record-scripts.ts';
import { bytesOf, listOf, type RedisLink } from './redis-link.ts';
import type { Place, RecordPlace, StoreKeys } from './store-keys.ts';
import { coversOf, decodeStamp, encodeSharedStamp } from './tile-block.ts';
import { addTiles } from './upsert-script.ts';

export interface AddUse {
  /** Fields of the anchor that must be so, and their values. */
  readonly guards: readonly (readonly [string, string])[];
  /** The clock by which windows are kept and blocks are out of reach. */
  readonly now: number | undefined;
}

/** The outcome of additions: those that were not written, as another process wrote the key; null: a guard did not hold. */
export interface Added {
  readonly left: readonly SharedAddition[] | null;
  readonly report: TileReport;
}

/**
 * The tiles of keys that several processes add to. A key is read with the stamp of its last write, and written if it still has that
 * stamp. The script that writes it looks at the anchor of the store too: a process whose shares are another's writes nothing.
 */
export class SharedKeys {
  readonly #link: RedisLink;
  readonly #keys: StoreKeys;
  readonly #writes: KeyWrites;
  readonly #anchor: Place;
  readonly #who: Uint8Array;
  #written = 0;

  /** `who` are six bytes, of this process alone. */
  constructor(link: RedisLink, keys: StoreKeys, parts: { writes: KeyWrites; anchor: Place; who: Uint8Array }) {
    this.#link = link;
    this.#keys = keys;
    this.#writes = parts.writes;
    this.#anchor = parts.anchor;
    this.#who = parts.who;
  }

  /** Reads keys, those of one record together. */
  async load(keys: readonly SharedKeyRead[], ahead: CommitsAhead): Promise<readonly SharedKey[]> {
    const records = new Map<string, { readonly record: RecordPlace; readonly asked: Asked[] }>();
    keys.forEach((read, at) => {
      const { layout, key } = read;
      const { record, id } = this.#keys.of(layout, key);
      const known = records.get(record[0].key) ?? { record, asked: [] };
      records.set(record[0].key, known);
      known.asked.push({ ...read, at, name: tilesName(id) });
    });
    const found: SharedKey[] = [];
    const all = [...records.values()];
    for (let i = 0; i < all.length; i += CHUNK) {
      const reads = all.slice(i, i + CHUNK).map(async ({ record, asked }) => {
        const names = asked.map(({ name }) => name);
        const sections = listOf(await this.#link.eval(readSections, record, names));
        asked.forEach((read, s) => {
          found[read.at] = sharedKey(read, bytesOf(sections[s]), ahead);
        });
      });
      await this.#link.within(Promise.all(reads));
    }
    return found;
  }

  /** Writes additions. Errors: REDIS_*. */
  async add(additions: readonly SharedAddition[], { guards, now }: AddUse): Promise<Added> {
    const byKey = new Map<TileLayout, Map<string, SharedAddition>>();
    for (const addition of additions) {
      const { layout, key } = addition.to;
      const ofView = byKey.get(layout) ?? new Map<string, SharedAddition>();
      byKey.set(layout, ofView.set(key, addition));
    }
    const additionOf = (layout: TileLayout, key: string) => byKey.get(layout)?.get(key);
    const lead = (layout: TileLayout, key: string) => this.#stampsOf(additionOf(layout, key));
    const tiles = additions.flatMap((addition) => addition.tiles);
    const calls = this.#writes.of(tiles, { now, lead });
    const report = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
    const left: SharedAddition[] = [];
    let isGuarded = true;
    for (let i = 0; isGuarded && i < calls.length; i += CHUNK) {
      const writes = calls.slice(i, i + CHUNK).map((call) => this.#write(call, guards));
      for (const { keys, answer } of await this.#link.within(Promise.all(writes))) {
        isGuarded &&= answer.length > 0;
        report.applied += answer[0] ?? 0;
        report.duplicate += answer[1] ?? 0;
        report.stale += answer[2] ?? 0;
        report.conflict += answer[3] ?? 0;
        for (const moved of answer.slice(4)) {
          const { layout, key } = keys[moved - 1];
          const addition = additionOf(layout, key);
          if (addition !== undefined) left.push(addition);
        }
      }
    }
    return { left: isGuarded ? left : null, report };
  }

  async #write({ record, keys, args }: RecordWrite, guards: AddUse['guards']) {
    const places = [...record, this.#anchor] as const;
    const answer = listOf(await this.#link.eval(addTiles, places, [String(guards.length), ...guards.flat(), ...args]));
    return { keys, answer: answer.map(Number) };
  }

  /** The stamp that a key must have, and the one that it gets. */
  #stampsOf(addition: SharedAddition | undefined): readonly [string | Buffer, Buffer] {
    this.#written += 1;
    const stamp = addition?.to.stamp ?? null;
    const next = encodeSharedStamp(this.#who, this.#written, addition?.covers);
    return [stamp === null ? '' : Buffer.from(stamp), next];
  }
}

interface Asked extends SharedKeyRead {
  readonly name: string;
  /** Its place among the keys that were asked for. */
  readonly at: number;
}

function sharedKey({ layout, key }: SharedKeyRead, bytes: Buffer | null, ahead: CommitsAhead): SharedKey {
  const stored = storedTiles(bytes);
  const { stamp } = stored;
  const covers = coversBy(topicOf(layout.view.source), stamp, ahead);
  return { layout, key, runs: runsOf(layout, stored), covers, stamp };
}

/** By partition, what tiles cover: as their stamp says, or the commit of the one process that wrote before. */
function coversBy(topic: string, stamp: Buffer | null, ahead: CommitsAhead): readonly number[] {
  if (stamp === null) return [];
  const commit = decodeStamp(stamp);
  if (commit === null) return coversOf(stamp);
  return ahead.get(commit)?.[topic] ?? [];
}
