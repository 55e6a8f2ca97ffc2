import { holds, type KeptAnswers, keepWith, keptBy } from '../../features/window/window-memo.ts';
import type { ReadSteps } from '../../observe/measured-read.ts';
import type { Value } from '../../schema/column.ts';
import { answersShare } from '../materialise/tile-bytes.ts';
import type { StreamLookup } from './compile-lookup.ts';
import type { TileSource, ToldTiles } from './tile-source.ts';

/** Stream lookups of one key: read together, and kept together. */
export interface StreamGroup {
  readonly keyOf: StreamLookup['keyOf'];
  readonly lookups: readonly StreamLookup[];
  /** Features that they give. */
  readonly features: number;
  /** Under whom its answers are kept. */
  readonly owner: object;
}

/** The lookups by the request columns that make their key. */
export function groupsOf(lookups: readonly StreamLookup[]): readonly StreamGroup[] {
  const groups = new Map<string, StreamLookup[]>();
  for (const lookup of lookups) groups.set(lookup.keyColumns, [...(groups.get(lookup.keyColumns) ?? []), lookup]);
  return [...groups.values()].map((together) => ({
    keyOf: together[0].keyOf,
    lookups: together,
    features: together.reduce((sum, { places }) => sum + places.length, 0),
    owner: together,
  }));
}

/**
 * Reads the group's lookups at `q`. It takes kept answers (except where counts of events are wanted: kept answers have
 * none), or reads their tiles and keeps the answers. Returns `q`, or the first instant at which a lookup that cannot
 * answer at `q` can; NaN where the tiles in memory are an insufficient part. Hot path.
 */
export function readGroup(
  group: StreamGroup,
  tiles: TileSource,
  key: string | null,
  q: number,
  counted: boolean,
  steps: ReadSteps | null,
): number {
  const { told } = tiles;
  findTold(group, told, key, q, 0, 1);
  if (told !== undefined && key !== null && !counted && takeKept(group, told, key, q)) return q;
  findTold(group, told, key, q, 1, group.lookups.length);
  const ready = readLookups(group, tiles, key, q, steps);
  if (told !== undefined && key !== null) {
    if (ready === q) keep(group, told, q);
    weighHeld(group, told);
  }
  return ready;
}

/** Looks the key up once, for all that a read does with it, in lookups from one index to another. */
function findTold(
  { lookups }: StreamGroup,
  told: ToldTiles | undefined,
  key: string | null,
  q: number,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i += 1) {
    const lookup = lookups[i];
    lookup.key = key;
    lookup.held = key === null || told === undefined ? null : told.tilesOf(lookup.layout, key, q);
  }
}

/**
 * Reads a lookup of a key outside the memory at `q`: from its stored windows or, where they do not have the answers, from the tiles
 * that it takes. Nothing of it stays in memory. Returns as {@link readGroup}.
 */
function readOutside({ layout, reader, answers }: StreamLookup, told: ToldTiles, key: string, q: number): number {
  const windows = reader.isStored ? told.windowsOf(layout, key) : null;
  if (windows !== null && reader.readStored(windows, q, answers)) return q;
  return reader.read(told.someTiles(layout, key, reader.anyStartsFor(q)), q, answers, 0);
}

function readLookups(
  { lookups }: StreamGroup,
  tiles: TileSource,
  key: string | null,
  q: number,
  steps: ReadSteps | null,
): number {
  let ready = q;
  for (let i = 0; i < lookups.length; i += 1) {
    const lookup = lookups[i];
    lookup.answeredAt = Number.NaN;
    lookup.text = null;
    if (key === null || tiles.isLate?.(lookup.view) === true || q < tiles.answersFrom(lookup.view)) continue;
    const started = steps === null ? 0 : performance.now();
    const isPart = (tiles.partAt ?? null) !== null;
    if (tiles.told !== undefined && lookup.held === null) {
      lookup.answeredAt = readOutside(lookup, tiles.told, key, q);
    } else if (!isPart) {
      const runs = lookup.held?.runs ?? tiles.runsOf(lookup.layout, key, q);
      lookup.answeredAt = lookup.reader.read(runs, q, lookup.answers, 0, lookup.held);
    } else if (q === tiles.partAt && readPart(lookup, tiles, key, q)) lookup.answeredAt = q;
    else return Number.NaN;
    if (steps !== null) steps.lookupMs[lookup.place] += performance.now() - started;
    if (lookup.answeredAt !== q) ready = Math.max(ready, lookup.answeredAt);
  }
  return ready;
}

/** Reads a lookup at `q` from the part of its tiles that is at hand; whether that does. */
function readPart({ layout, reader, answers }: StreamLookup, tiles: TileSource, key: string, q: number): boolean {
  const stored = tiles.storedOf?.(layout, key);
  if (stored !== undefined) return stored !== null && reader.readStored(stored, q, answers);
  const runs = tiles.runsOf(layout, key, q);
  return reader.isBehindLargest(runs, q) && reader.read(runs, q, answers, 0) === q;
}

/**
 * Takes the group's earlier answers, if they are valid at `q`. Its tiles were not dropped: no earlier instant was
 * asked. Only one view's tiles are looked up: of the same epoch, all were in memory when the answers were kept, and
 * stay for as long.
 */
function takeKept({ lookups, owner }: StreamGroup, told: ToldTiles, key: string, q: number): boolean {
  const [{ held }] = lookups;
  const kept = held === null ? null : keptBy(owner, held);
  if (kept === null || !holds(kept, q, told.epoch())) return false;
  kept.texts ??= lookups.map(() => ({ text: null }));
  let next = 0;
  for (let i = 0; i < lookups.length; i += 1) {
    const lookup = lookups[i];
    lookup.key = key;
    lookup.answeredAt = q;
    lookup.text = kept.texts[i];
    const { places, answers } = lookup;
    for (let p = 0; p < places.length; p += 1) answers[places[p]] = kept.values[next++];
  }
  return true;
}

/** Counts derived values with the tiles of every lookup. */
function weighHeld({ lookups }: StreamGroup, told: ToldTiles): void {
  for (let i = 0; i < lookups.length; i += 1) {
    const { held } = lookups[i];
    if (held !== null) told.weigh(held);
  }
}

/** Whether the tiles of every lookup are in memory: others may have evicted them while they were loaded. */
function hasAll({ lookups }: StreamGroup, told: ToldTiles): boolean {
  for (let i = 0; i < lookups.length; i += 1) {
    const { held } = lookups[i];
    if (held === null || !told.has(held)) return false;
  }
  return true;
}

/** Keeps the group's answers at `q`, where every lookup has one. */
function keep(group: StreamGroup, told: ToldTiles, q: number): void {
  const { lookups, features, owner } = group;
  let until = Number.POSITIVE_INFINITY;
  for (let i = 0; i < lookups.length; i += 1) {
    const { answeredAt, reader } = lookups[i];
    if (answeredAt !== q) return;
    if (reader.holdsUntil < until) until = reader.holdsUntil;
  }
  if (!(until > q)) return;
  // Tiles that were evicted would receive no changes.
  if (!hasAll(group, told)) return;
  const [{ held: first }] = lookups;
  const known = first === null ? null : keptBy(owner, first);
  const kept: KeptAnswers = known ?? {
    owner,
    epoch: 0,
    from: q,
    until,
    values: new Array(features),
    texts: null,
    shareBytes: answersShare(features, lookups.length),
  };
  fill(kept.values, lookups);
  kept.texts = null;
  kept.epoch = told.epoch();
  kept.from = q;
  kept.until = until;
  for (let i = 0; i < lookups.length; i += 1) {
    const { held } = lookups[i];
    if (held !== null) keepWith(kept, held);
  }
}

function fill(values: (Value | undefined)[], lookups: readonly StreamLookup[]): void {
  let next = 0;
  for (let i = 0; i < lookups.length; i += 1) {
    const { answers, places } = lookups[i];
    for (let p = 0; p < places.length; p += 1) {
      const value = answers[places[p]];
      // Lists go out to callers, again and again.
      if (typeof value === 'object') Object.freeze(value);
      values[next++] = value;
    }
  }
}
