import type { Position } from '../../ports/position.ts';
import type { SharePlace } from '../../ports/tile-shares.ts';

/** Commits of one process that wrote before, and that had not ended: their positions by their numbers. */
export type CommitsAhead = ReadonlyMap<number, Position>;

/** Where shares of the log stood, for the writer that they continued; null: no position has all that some tiles have. */
export interface HandedPlaces {
  readonly writer: string;
  readonly position: Position | null;
  /** Writers that read the whole log meanwhile. */
  readonly readers: readonly string[];
}

/** A place without who has it; empty: there is none. */
export function placeText(held: string | undefined): string {
  return held?.slice(held.indexOf(' ') + 1) ?? '';
}

/** The place that no anchor is behind of; null: one has none. */
export function leastPlace(texts: readonly string[]): SharePlace | null {
  if (texts.includes('')) return null;
  const places = texts.map((text) => JSON.parse(text) as SharePlace);
  const topics = Object.keys(places[0] ?? {}).filter((topic) => places.every((place) => place[topic] !== undefined));
  return Object.fromEntries(topics.map((topic) => [topic, Math.min(...places.map((place) => place[topic]))]));
}

/**
 * The state that shares of the log leave to one process: the position that neither a share nor a reader of the whole log is behind of. Tiles ahead
 * of it say what they cover. null position: not every share has a place, or some tiles are ahead of all that is known.
 */
export function handedBy(found: readonly ReadonlyMap<string, string>[]): HandedPlaces | null {
  const [first] = found;
  const writer = first?.get('of');
  if (writer === undefined) return null;
  const shares = [...first.keys()].filter((name) => /^s\d+$/.test(name)).length;
  const places = Array.from({ length: shares }, (_, s) => leastPlace(found.map((of) => placeText(of.get(`s${s}`)))));
  const topics = Object.keys(places[0] ?? {});
  const readers = [...first].flatMap(([name, text]) => {
    const position = name.startsWith('p') && name !== `p${writer}` ? parsePosition(text)?.position : undefined;
    return position !== undefined && topics.some((topic) => topic in position)
      ? [{ name: name.slice(1), position }]
      : [];
  });
  const isKnown = shares > 0 && places.every((place) => topics.every((topic) => place?.[topic] !== undefined));
  const isAhead = [...aheadOf(first.get('ahead')).values()].some((position) => isBehind(places, position));
  const least = (topic: string) =>
    places.map((place, share) =>
      Math.min(place?.[topic] ?? 0, ...readers.map(({ position }) => position[topic]?.[share] ?? 0)),
    );
  const position = isKnown && !isAhead ? Object.fromEntries(topics.map((topic) => [topic, least(topic)])) : null;
  return { writer, position, readers: readers.map(({ name }) => name) };
}

/** Whether a share has not reached a position. */
function isBehind(places: readonly (SharePlace | null)[], position: Position): boolean {
  return Object.entries(position).some(([topic, offsets]) => offsets.some((at, s) => (places[s]?.[topic] ?? 0) < at));
}

/** The positions of commits that had not ended, by their numbers; `text` is that of an anchor. */
export function aheadOf(text: string | undefined): CommitsAhead {
  const commits = Object.entries(
    JSON.parse(text === undefined || text === '' ? '{}' : text) as Record<string, Position>,
  );
  return new Map(commits.map(([commit, position]) => [Number(commit), position]));
}

/** The state that one process leaves to shares of the log: its commits that had not ended, then shares and places by turns. */
export function seedsOf(
  writer: string,
  shares: number,
  found: readonly ReadonlyMap<string, string>[],
): readonly string[] {
  const [fields] = found;
  const standing = parsePosition(fields?.get(`p${writer}`));
  if (fields === undefined || standing === null) return ['{}'];
  const ahead: Record<string, Position> = {};
  for (const [name, value] of fields) {
    const [by = '', position = '{}'] = value.split('\0');
    if (/^c\d+$/.test(name) && by === writer && Number(name.slice(1)) > standing.commit)
      ahead[name.slice(1)] = JSON.parse(position) as Position;
  }
  const places = Array.from({ length: shares }, (_, share) => {
    const place = Object.entries(standing.position).map(([topic, offsets]) => [topic, offsets[share] ?? 0] as const);
    return [String(share), JSON.stringify(Object.fromEntries(place))];
  });
  return [JSON.stringify(ahead), ...places.flat()];
}

export function parsePosition(
  text: string | undefined,
): { readonly commit: number; readonly position: Position } | null {
  if (text === undefined) return null;
  const [commit = '', position = '{}'] = text.split('\0');
  return { commit: Number(commit), position: JSON.parse(position) as Position };
}
