import { createHash } from 'node:crypto';
import { fnv1a32 } from '../../base/hash/fnv.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { slotOf } from './hash-slot.ts';

/**
 * Keys of the store. The text between braces chooses the slot of a cluster: all keys of an entity are in one slot.
 *
 * ```
 * record = prefix ":e:{" entity "}"      ; string: all of an entity, entity-record.ts
 * more   = prefix ":o:{" entity "}"      ; hash: its sections that are too long for the record
 * anchor = prefix ":n:{" tag "}"         ; hash: positions and marks, the same on every node
 * lock   = prefix ":lock"                ; string: the writer
 * owner  = prefix ":owner"               ; string: the owner of the keys, see owner.ts
 * hot    = prefix ":hot"                 ; hash: keys that processes found hot
 * leases = prefix ":leases"              ; hash: who has which shares, share-leases.ts
 * handed = prefix ":handed"              ; list: rows of readers for the process that writes, handed-batches.ts
 * entity = "=" key / "#" SHA-256         ; the digest, base64, of a key above 1,200 bytes
 * former = prefix ":" ("t" / "w" / "b" / "a") ":" ; of the layout before: former-layout.ts
 * ```
 * A key of a nested entity, as (user, category), is in the record of its first part. `prefix` has neither ":" nor "{"; a key may have any
 * characters, since it is last. So no two prefixes have a key in common, and no pattern of one finds a key of another.
 */
const LONGEST_KEY = 1_200;

/** Characters of a view's code: 36 bits of a digest of its id. */
const CODE_LENGTH = 6;

/** A key and its slot. */
export interface Place {
  readonly key: string;
  readonly slot: number;
}

/** The keys of an entity: of its record, and of the sections outside it. */
export type RecordPlace = readonly [Place, Place];

/** Where the tiles of a key of a view are. */
export interface KeyPlace {
  readonly record: RecordPlace;
  /** The names of its sections, without their kind. */
  readonly id: string;
}

export interface StoreKeys {
  /** Names how entities are nested; empty where none is. Processes that nest differently have nothing in common. */
  readonly nesting: string;
  of(layout: TileLayout, key: string): KeyPlace;
  /** The record of a key that is not nested. */
  record(key: string): RecordPlace;
  anchor(tag: string): Place;
  readonly lock: Place;
  readonly owner: Place;
  readonly hot: Place;
  readonly leases: Place;
  readonly handed: Place;
  /** Patterns of SCAN. */
  records(): string;
  everything(): string;
  anchors(): string;
  /** Of the layout before: an anchor, and the other keys. */
  formerAnchor(tag: string): Place;
  formerKeys(): string;
  /** The places of a record that a scan found. */
  recordOf(key: string): RecordPlace;
}

/** `nested`: names of entities of several columns that are kept with their first. */
export function storeKeys(prefix: string, nested: readonly string[] = []): StoreKeys {
  const plain = (name: string): Place => ({ key: `${prefix}:${name}`, slot: slotOf(`${prefix}:${name}`) });
  const record = (key: string): RecordPlace => {
    const tag = entityTag(key);
    const slot = slotOfTag(tag);
    return [
      { key: `${prefix}:e:{${tag}}`, slot },
      { key: `${prefix}:o:{${tag}}`, slot },
    ];
  };
  const nests = new WeakMap<TileLayout, boolean>();
  const isNested = (layout: TileLayout): boolean => {
    const known = nests.get(layout);
    if (known !== undefined) return known;
    const { name, key } = layout.view.entity;
    const found = nested.includes(name) && Object.keys(key).length > 1;
    nests.set(layout, found);
    return found;
  };
  return {
    nesting: nested.length === 0 ? '' : fnv1a32([...nested].sort((a, b) => (a < b ? -1 : 1)).join()).toString(36),
    of(layout, key) {
      const code = codeOf(layout.viewId);
      if (!isNested(layout)) return { record: record(key), id: code };
      const colon = key.indexOf(':');
      const end = colon + 1 + Number(key.slice(0, colon));
      return { record: record(key.slice(colon + 1, end)), id: code + entityTag(key.slice(end)) };
    },
    record,
    anchor: (tag) => ({ key: `${prefix}:n:{${tag}}`, slot: slotOfTag(tag) }),
    lock: plain('lock'),
    owner: plain('owner'),
    hot: plain('hot'),
    leases: plain('leases'),
    handed: plain('handed'),
    records: () => `${prefix}:e:{*`,
    everything: () => `${prefix}:[eo]:*`,
    anchors: () => `${prefix}:n:*`,
    formerAnchor: (tag) => ({ key: `${prefix}:a:{${tag}}`, slot: slotOfTag(tag) }),
    formerKeys: () => `${prefix}:[twb]:*`,
    recordOf: (key) => {
      const [{ slot }, tail] = [placeOf(key), key.slice(prefix.length + 2)];
      return [
        { key: `${prefix}:e${tail}`, slot },
        { key: `${prefix}:o${tail}`, slot },
      ];
    },
  };
}

/** The place of a key as a scan gives it. */
export function placeOf(key: string): Place {
  const from = key.indexOf('{');
  const to = key.indexOf('}', from + 1);
  return { key, slot: slotOf(from < 0 || to <= from + 1 ? key : key.slice(from + 1, to)) };
}

const codes = new Map<string, string>();

/** A short name for a view, as sections have it. */
export function codeOf(viewId: string): string {
  const known = codes.get(viewId);
  if (known !== undefined) return known;
  const code = createHash('sha256').update(viewId).digest('base64url').slice(0, CODE_LENGTH);
  for (const [other, taken] of codes)
    if (taken === code) throw new TypeError(`views "${other}" and "${viewId}" have the same code`);
  codes.set(viewId, code);
  return code;
}

/** The slot is that of the text before the first closing brace. */
function slotOfTag(tag: string): number {
  const end = tag.indexOf('}');
  return slotOf(end < 0 ? tag : tag.slice(0, end));
}

function entityTag(key: string): string {
  if (key.length * 3 <= LONGEST_KEY || Buffer.byteLength(key) <= LONGEST_KEY) return `=${key}`;
  return `#${createHash('sha256').update(key).digest('base64')}`;
}
