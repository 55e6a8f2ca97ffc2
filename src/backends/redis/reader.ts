import type { TileRun } from '../../features/tile/tile-run.ts';
import type { BatchRead, TileRead } from '../../ports/online-store.ts';
import type { RequestAnswer, RequestRead } from '../../ports/remote-store.ts';
import { type RowCodec, rowCodec } from '../../schema/row-codec.ts';
import { newestRuns, type Runs } from './batch-rows.ts';
import { bytesOf, listOf, type RedisLink, type Reply, textOf } from './redis-link.ts';
import type { Place, StoreKeys } from './store-keys.ts';
import { blockField, blockOf, hopAndBlock, runOfBlocks, type Starts } from './tile-block.ts';
import { type Marks, type NodeReads, Turn } from './turn.ts';

/** Blocks of one key that are asked for by name; more: the whole hash. */
const MOST_FIELDS = 64;

/** Reads of one key of one view. */
interface KeyReads {
  readonly place: Place;
  /** Indexes of the reads. */
  readonly reads: number[];
}

/** The reads of a node: their answers are at a place of the turn. */
interface Asked {
  readonly node: NodeReads;
  readonly at: number;
}

/** A row that was asked for, as of an attempt; null: of none, since none is known. */
interface AskedRow extends Asked {
  readonly attempt: string | null;
}

const NO_GROUPS: readonly KeyReads[] = [];
const NO_RUNS: readonly TileRun[] = [];
const NO_BLOCKS: readonly (readonly Block[])[] = [];
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
  readonly #runs = new Map<string, { readonly texts: readonly string[]; readonly runs: Runs }>();
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
    const stored = windows.map(({ layout, key }): Asked => {
      const place = this.#keys.windows(layout.viewId, key);
      const node = nodeOf(place);
      return { node, at: node.ask(place) };
    });
    const rows = batch.map(({ viewId, key }): AskedRow => {
      const attempt = this.#runs.get(viewId)?.runs.current.attempt ?? null;
      const place = this.#keys.row(viewId, attempt ?? '', key);
      const node = nodeOf(place);
      return { node, at: attempt === null ? -1 : node.ask(place), attempt };
    });
    const groups = tiles.length === 0 ? NO_GROUPS : this.#group(tiles);
    const blocks = groups.map((group) => this.#askBlocks(nodeOf(group.place), group, tiles));
    const [only] = nodes;
    const done = nodes.length === 1 && only !== undefined ? only.done : Promise.all(nodes.map((node) => node.done));
    const answer = (values: readonly (readonly Block[])[]): RequestAnswer | Promise<RequestAnswer> => {
      const runs = groups.length === 0 ? NO_RUNS : decodeReads(tiles, groups, values);
      const marks = nodes.map((node) => node.marks);
      const answers = batch.length === 0 ? NO_ANSWERS : this.#answerBatch(batch, rows, marks);
      const whole = (found: RequestAnswer['batch']): RequestAnswer => ({
        runs,
        windows: stored.map(({ node, at }) => node.at(at)),
        batch: found,
        degraded: !areWhole(marks),
        freshUntil: freshOf(marks),
      });
      return answers instanceof Promise ? answers.then(whole) : whole(answers);
    };
    if (blocks.length === 0) return done.then(() => answer(NO_BLOCKS));
    return Promise.all([Promise.all(blocks), done]).then(([values]) => answer(values));
  }

  #turnOf(): Turn {
    if (this.#turn !== null) return this.#turn;
    const turn = new Turn(this.#link, this.#anchors, ['run', 'fresh', ...this.#views.map((view) => `g${view}`)]);
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

  #group(tiles: readonly TileRead[]): readonly KeyReads[] {
    const groups: KeyReads[] = [];
    for (let i = 0; i < tiles.length; i += 1) {
      const { layout, key } = tiles[i];
      const last = groups[groups.length - 1];
      if (last !== undefined && tiles[i - 1].layout === layout && tiles[i - 1].key === key) last.reads.push(i);
      else groups.push({ place: this.#keys.tiles(layout.viewId, key), reads: [i] });
    }
    return groups;
  }

  /** The blocks that the reads of a key touch, ascending by hop and start. */
  async #askBlocks(node: NodeReads, { place, reads }: KeyReads, tiles: readonly TileRead[]): Promise<readonly Block[]> {
    const blocks = blocksOf(reads.map((i) => tiles[i]));
    if (blocks === null) return allBlocks(listOf(await node.send(place, ['HGETALL', place.key])));
    if (blocks.length === 0) return [];
    const fields = blocks.map(({ hop, block }) => blockField(hop, block));
    const values = listOf(await node.send(place, ['HMGET', place.key, ...fields]));
    return blocks.flatMap((at, f) => {
      const bytes = bytesOf(values[f]);
      return bytes === null ? [] : [{ ...at, bytes }];
    });
  }

  /** The rows of the runs on the anchors; rows that were read under another run are read again. */
  #answerBatch(
    batch: readonly BatchRead[],
    asked: readonly AskedRow[],
    marks: readonly Marks[],
  ): RequestAnswer['batch'] | Promise<RequestAnswer['batch']> {
    const degraded = areWhole(marks) ? WHOLE : DEGRADED;
    const rows: Reply[] = [];
    const again: Promise<void>[] = [];
    const runs = batch.map(({ viewId, key }, i) => {
      const now = this.#runsOf(viewId, marks);
      const { node, at, attempt } = asked[i];
      rows.push(attempt === null ? null : node.at(at));
      if (now !== null && now.current.attempt !== attempt) {
        const place = this.#keys.row(viewId, now.current.attempt, key);
        again.push(
          this.#link.sendUnlimited(place, ['GET', place.key]).then((row) => {
            rows[i] = row;
          }),
        );
      }
      return now;
    });
    const answers = (): RequestAnswer['batch'] =>
      batch.map(({ features }, i) => {
        const now = runs[i];
        if (now === null) return null;
        const bytes = bytesOf(rows[i]);
        const values = bytes === null ? null : codecOf(features).decode(bytes);
        return { generation: now.current.generation, values, ...degraded };
      });
    return again.length === 0 ? answers() : this.#link.within(Promise.all(again)).then(answers);
  }

  /** The runs of a batch view as anchors say them, parsed when they say something new. */
  #runsOf(viewId: string, marks: readonly Marks[]): Runs | null {
    const at = this.#views.indexOf(viewId);
    const known = this.#runs.get(viewId);
    if (known !== undefined && known.texts.length === marks.length) {
      let same = true;
      for (let m = 0; m < marks.length; m += 1) same &&= known.texts[m] === marks[m].views[at];
      if (same) return known.runs;
    }
    const texts = marks.map(({ views }) => views[at]);
    const runs = newestRuns(texts);
    if (runs !== null) this.#runs.set(viewId, { texts, runs });
    return runs;
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
  groups: readonly KeyReads[],
  values: readonly (readonly Block[])[],
): readonly TileRun[] {
  const runs = new Array<TileRun>(tiles.length);
  groups.forEach((group, g) => {
    for (const i of group.reads) runs[i] = decodeRead(tiles[i], values[g]);
  });
  return runs;
}

interface Block {
  /** Index among the view's hops. */
  readonly hop: number;
  readonly block: number;
  readonly bytes: Buffer;
}

/** The blocks that reads of one key touch, ascending by hop and start; null where they are too many to name. */
function blocksOf(reads: readonly TileRead[]): readonly Omit<Block, 'bytes'>[] | null {
  const blocks: Omit<Block, 'bytes'>[] = [];
  for (const read of reads) {
    const { layout, hopMs } = read;
    const hop = layout.view.hopsMs.indexOf(hopMs);
    for (const { from, to } of startsOf(read)) {
      const [first, end] = [blockOf(from, hopMs), blockOf(to - 1, hopMs) + 1];
      if (!(end - first + blocks.length <= MOST_FIELDS)) return null;
      // Two spans may meet in a block, and two reads be of one key.
      for (let block = first; block < end; block += 1)
        if (!blocks.some((known) => known.hop === hop && known.block === block)) blocks.push({ hop, block });
    }
  }
  return blocks.sort(byPlace);
}

function byPlace(a: Omit<Block, 'bytes'>, b: Omit<Block, 'bytes'>): number {
  return a.hop - b.hop || a.block - b.block;
}

/** The starts that a read wants, ascending. */
function startsOf({ from, to, wanted }: TileRead): readonly Starts[] {
  return wanted ?? [{ from, to }];
}

/** The blocks of a whole hash, given as names and values in turn. */
function allBlocks(list: readonly Reply[]): readonly Block[] {
  const blocks: Block[] = [];
  for (let i = 0; i < list.length; i += 2) {
    const at = hopAndBlock(textOf(list[i]));
    const bytes = bytesOf(list[i + 1]);
    if (at !== null && bytes !== null) blocks.push({ ...at, bytes });
  }
  return blocks.sort(byPlace);
}

/** The part of the blocks that belongs to a read. */
function decodeRead(read: TileRead, blocks: readonly Block[]): TileRun {
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
