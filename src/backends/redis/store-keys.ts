import { createHash } from 'node:crypto';
import { slotOf } from './hash-slot.ts';

/**
 * Keys of the store. The text between braces chooses the slot of a cluster: all keys of an entity are in one slot.
 *
 * ```
 * tiles  = prefix ":t:" view ":{" entity "}"            ; hash: blocks by field, and a stamp
 * windows = prefix ":w:" view ":{" entity "}"           ; string: the merged tiles, features/window/stored-windows.ts
 * row    = prefix ":b:" view ":" attempt ":{" entity "}" ; string: one row of a run of a batch view
 * anchor = prefix ":a:{" tag "}"                         ; hash: positions and marks, the same on every node
 * lock   = prefix ":lock"                                ; string: the writer
 * owner  = prefix ":owner"                               ; string: the owner of the keys, see owner.ts
 * hot    = prefix ":hot"                                 ; hash: keys that processes found hot
 * handed = prefix ":handed"                              ; list: rows of readers for the process that writes, handed-batches.ts
 * entity = "=" key / "#" SHA-256                         ; the digest, base64, of a key above 1,200 bytes
 * ```
 * `view`, `attempt` and `prefix` have neither ":" nor "{"; a key may have any characters, since it is last. So no two
 * prefixes have a key in common, and no pattern of one finds a key of another.
 */
const LONGEST_KEY = 1_200;

/** A key and its slot. */
export interface Place {
  readonly key: string;
  readonly slot: number;
}

export interface StoreKeys {
  tiles(viewId: string, key: string): Place;
  windows(viewId: string, key: string): Place;
  row(viewId: string, attempt: string, key: string): Place;
  anchor(tag: string): Place;
  readonly lock: Place;
  readonly owner: Place;
  readonly hot: Place;
  readonly handed: Place;
  /** Patterns of SCAN. */
  tilesOfView(viewId: string): string;
  windowsOfView(viewId: string): string;
  rowsOfView(viewId: string): string;
  everything(): string;
  /** The attempt that a row's key names. */
  attemptOf(viewId: string, rowKey: string): string;
}

export function storeKeys(prefix: string): StoreKeys {
  const plain = (name: string): Place => ({ key: `${prefix}:${name}`, slot: slotOf(`${prefix}:${name}`) });
  const tagged = (head: string, tag: string): Place => {
    // The slot is that of the text before the first closing brace.
    const end = tag.indexOf('}');
    return { key: `${prefix}:${head}:{${tag}}`, slot: slotOf(end < 0 ? tag : tag.slice(0, end)) };
  };
  return {
    tiles: (viewId, key) => tagged(`t:${viewId}`, entityTag(key)),
    windows: (viewId, key) => tagged(`w:${viewId}`, entityTag(key)),
    row: (viewId, attempt, key) => tagged(`b:${viewId}:${attempt}`, entityTag(key)),
    anchor: (tag) => tagged('a', tag),
    lock: plain('lock'),
    owner: plain('owner'),
    hot: plain('hot'),
    handed: plain('handed'),
    tilesOfView: (viewId) => `${prefix}:t:${viewId}:{*`,
    windowsOfView: (viewId) => `${prefix}:w:${viewId}:{*`,
    rowsOfView: (viewId) => `${prefix}:b:${viewId}:*`,
    everything: () => `${prefix}:[twb]:*`,
    attemptOf: (viewId, rowKey) => {
      const from = `${prefix}:b:${viewId}:`.length;
      return rowKey.slice(from, rowKey.indexOf(':{', from));
    },
  };
}

/** The place of a key as a scan gives it. */
export function placeOf(key: string): Place {
  const from = key.indexOf('{');
  const to = key.indexOf('}', from + 1);
  return { key, slot: slotOf(from < 0 || to <= from + 1 ? key : key.slice(from + 1, to)) };
}

function entityTag(key: string): string {
  if (key.length * 3 <= LONGEST_KEY || Buffer.byteLength(key) <= LONGEST_KEY) return `=${key}`;
  return `#${createHash('sha256').update(key).digest('base64')}`;
}
