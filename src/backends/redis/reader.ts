import type { TileRun } from '../../features/tile/tile-run.ts';
import type { BatchRead, TileRead } from '../../ports/online-store.ts';
import type { RequestAnswer, RequestRead } from '../../ports/remote-store.ts';
import { type RowCodec, rowCodec } from '../../schema/row-codec.ts';
import { newestRuns, type Runs } from './batch-rows.ts';
import { rowName, type StoredTiles, sectionOf, storedTiles, tilesName, windowsName } from './entity-record.ts';
import { readSections } from './record-scripts.ts';
import { bytesOf, listOf, type RedisLink } from './redis-link.ts';
import { codeOf, type Place, type RecordPlace, type StoreKeys } from './store-keys.ts';
import { runOfBlocks, type Starts } from './tile-block.ts';
import { type Marks, type NodeReads, Turn } from './turn.ts';

/** The tiles of keys that are in one record. */
interface RecordReads {
  readonly record: RecordPlace;
  /** Names of sections, and for each the indexes of its reads. */
  readonly names: string[];
  readonly reads: number[][];
}

/** A record that was asked for: its bytes are at a place of the turn. */
interface Asked {
  readonly node: NodeReads;
  readonly at: number;
}

interface AskedWindows extends Asked {
  readonly name: Buffer;
}

/** The runs of a batch view, the texts that say them, and the name of a row of the current one. */
interface KnownRuns {
  readonly texts: readonly string[];
  readonly runs: Runs;
  readonly row: Buffer;
}

/** Characters of the id of a key that is not nested. */
const VIEW_ID = 6;

const NO_GROUPS: readonly RecordReads[] = [];
const NO_RUNS: readonly TileRun[] = [];
const NO_TILES: readonly (readonly StoredTiles[])[] = [];
const NO_ANSWERS: RequestAnswer['batch'] = [];
const WHOLE = {};
const DEGRADED = { degraded: true };

/**
 * Reads of requests. Those of one turn of the event loop are sent together (turn.ts). Hot path.
 */
export class Reader {
  readonly #link: RedisLink;
  readonly #keys: StoreKeys;
  readonly #anchors: readonly Place[];
  /** Batch views that were read so far. */
  readonly #views: string[] = [];
  readonly #runs = new Map<string, KnownRuns>();
  readonly #names = new Map<string, Buffer>();
  #turn: Turn | null = null;

  constructor(link: RedisLink, keys: StoreKeys, anchors: readonly Place[]) {
    this.#link = link;
    this.#keys = keys;
    this.#anchors = anchors;
  }

  read({ tiles, windows, batch }: RequestRead): Promise<RequestAnswer> {
    for (let i = 0; i < batch.length; i += 1) this.#noteView(batch[i].viewId);
    const turn = this.#turnOf();
    const nodes: NodeReads[] = [];
    const nodeOf = (place: Place): NodeReads => {
      const node = turn.of(place);
      if (!nodes.includes(node)) nodes.push(node);
      return node;
    };
    const stored = windows.map(({ layout, key }): AskedWindows => {
      const { record, id } = this.#keys.of(layout, key);
      const node = nodeOf(record[0]);
      return { node, at: node.ask(record[0]), name: this.#windowsName(id) };
    });
    const rows = batch.map(({ key }): Asked => {
      const [place] = this.#keys.record(key);
      const node = nodeOf(place);
      return { node, at: node.ask(place) };
    });
    const groups = tiles.length === 0 ? NO_GROUPS : this.#group(tiles);
    const sections = groups.map(async ({ record, names }) =>
      listOf(await nodeOf(record[0]).eval(readSections, record, names)).map((bytes) => storedTiles(bytesOf(bytes))),
    );
    const [only] = nodes;
    const done = nodes.length === 1 && only !== undefined ? only.done : Promise.all(nodes.map((node) => node.done));
    const answer = (found: readonly (readonly StoredTiles[])[]): RequestAnswer => {
      const marks = nodes.map((node) => node.marks);
      return {
        runs: groups.length === 0 ? NO_RUNS : decodeReads(tiles, groups, found),
        windows: stored.map(({ node, at, name }) => sectionOf(node.at(at), name)),
        batch: batch.length === 0 ? NO_ANSWERS : this.#answerBatch(batch, rows, marks),
        degraded: !areWhole(marks),
        freshUntil: freshOf(marks),
      };
    };
    if (sections.length === 0) return done.then(() => answer(NO_TILES));
    return Promise.all([Promise.all(sections), done]).then(([found]) => answer(found));
  }

  #turnOf(): Turn {
    if (this.#turn !== null) return this.#turn;
    const turn = new Turn(this.#link, this.#keys, this.#anchors, [
      'run',
      'fresh',
      ...this.#views.map((view) => `g${view}`),
    ]);
    this.#turn = turn;
    setImmediate(() => {
      if (this.#turn === turn) this.#turn = null;
      turn.end();
    });
    return turn;
  }

  #noteView(viewId: string): void {
    if (this.#views.includes(viewId)) return;
    this.#views.push(viewId);
    // The current turn does not read it.
    this.#turn = null;
  }

  #group(tiles: readonly TileRead[]): readonly RecordReads[] {
    const groups = new Map<string, RecordReads>();
    for (let i = 0; i < tiles.length; i += 1) {
      const { record, id } = this.#keys.of(tiles[i].layout, tiles[i].key);
      const group = groups.get(record[0].key) ?? { record, names: [], reads: [] };
      groups.set(record[0].key, group);
      const name = tilesName(id);
      const at = group.names.indexOf(name);
      if (at < 0) {
        group.names.push(name);
        group.reads.push([i]);
      } else group.reads[at].push(i);
    }
    return [...groups.values()];
  }

  /** The name of a section of windows; those of views are kept, since most ids are a view's. */
  #windowsName(id: string): Buffer {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const name = Buffer.from(windowsName(id));
    if (id.length === VIEW_ID) this.#names.set(id, name);
    return name;
  }

  /** The rows of the runs on the anchors: a record has those of each run that a reader may still see. */
  #answerBatch(batch: readonly BatchRead[], asked: readonly Asked[], marks: readonly Marks[]): RequestAnswer['batch'] {
    const degraded = areWhole(marks) ? WHOLE : DEGRADED;
    return batch.map(({ viewId, features }, i) => {
      const now = this.#runsOf(viewId, marks);
      if (now === null) return null;
      const { node, at } = asked[i];
      const row = sectionOf(node.at(at), now.row);
      return {
        generation: now.runs.current.generation,
        values: row === null ? null : codecOf(features).decode(row),
        ...degraded,
      };
    });
  }

  /** The runs of a batch view as anchors say them, parsed when they say something new. */
  #runsOf(viewId: string, marks: readonly Marks[]): KnownRuns | null {
    const at = this.#views.indexOf(viewId);
    const known = this.#runs.get(viewId);
    if (known !== undefined && known.texts.length === marks.length) {
      let same = true;
      for (let m = 0; m < marks.length; m += 1) same &&= known.texts[m] === marks[m].views[at];
      if (same) return known;
    }
    const texts = marks.map(({ views }) => views[at]);
    const runs = newestRuns(texts);
    if (runs === null) return null;
    const read = { texts, runs, row: Buffer.from(rowName(codeOf(viewId), runs.current.attempt)) };
    this.#runs.set(viewId, read);
    return read;
  }
}

function areWhole(marks: readonly Marks[]): boolean {
  for (let m = 0; m < marks.length; m += 1) if (!marks[m].whole) return false;
  return true;
}

function freshOf(marks: readonly Marks[]): number {
  let fresh = Number.POSITIVE_INFINITY;
  for (let m = 0; m < marks.length; m += 1) fresh = Math.min(fresh, marks[m].fresh);
  return fresh;
}

function decodeReads(
  tiles: readonly TileRead[],
  groups: readonly RecordReads[],
  found: readonly (readonly StoredTiles[])[],
): readonly TileRun[] {
  const runs = new Array<TileRun>(tiles.length);
  groups.forEach(({ reads }, g) => {
    reads.forEach((of, section) => {
      for (const i of of) runs[i] = decodeRead(tiles[i], found[g][section]);
    });
  });
  return runs;
}

/** The starts that a read wants, ascending. */
function startsOf({ from, to, wanted }: TileRead): readonly Starts[] {
  if (wanted === undefined) return [{ from, to }];
  return wanted.map((span) => ({ from: Math.max(from, span.from), to: Math.min(to, span.to) }));
}

/** The part of a key's tiles that belongs to a read. */
function decodeRead(read: TileRead, { blocks }: StoredTiles): TileRun {
  const { layout, hopMs } = read;
  const wanted = layout.view.hopsMs.indexOf(hopMs);
  return runOfBlocks(
    layout,
    hopMs,
    blocks.filter(({ hop }) => hop === wanted),
    startsOf(read),
  );
}

const codecs = new WeakMap<BatchRead['features'], RowCodec>();

function codecOf(features: BatchRead['features']): RowCodec {
  const known = codecs.get(features) ?? rowCodec(features, 'a batch row');
  codecs.set(features, known);
  return known;
}
