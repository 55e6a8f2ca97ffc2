import type { TileRun } from '../../features/tile/tile-run.ts';
import type { BatchAnswer, BatchRead, TileRead } from '../../ports/online-store.ts';
import type { RequestAnswer } from '../../ports/remote-store.ts';
import { type RowCodec, rowCodec } from '../../schema/row-codec.ts';
import { newestRuns, type Runs } from './batch-rows.ts';
import { bytesOf, listOf, type Node, type RedisLink, type Reply, textOf } from './redis-link.ts';
import type { Place, StoreKeys } from './store-keys.ts';
import { blockField, blockOf, hopAndBlock, runOfBlocks, type Starts } from './tile-block.ts';

/** Blocks of one key that are asked for by name; more: the whole hash. */
const MOST_FIELDS = 64;

/** Reads of one key of one view. */
interface KeyReads {
  readonly place: Place;
  /** Indexes of the reads. */
  readonly reads: number[];
}

/** What one node said before and after the tiles of a turn. */
interface NodeMarks {
  readonly said: Promise<Marks>;
}

const NO_ROWS: readonly Reply[] = [];

/**
 * Reads of requests. Those of one turn of the event loop share what is asked of each node beside the tiles: its anchor's
 * marks, once before the first of them and once after the last, so that what is lost between two commands is seen too.
 * Hot path.
 */
export class Reader {
  readonly #link: RedisLink;
  readonly #keys: StoreKeys;
  readonly #anchors: readonly Place[];
  /** Batch views that were read so far. */
  readonly #views: string[] = [];
  readonly #runs = new Map<string, Runs>();
  #turn: Turn | null = null;

  constructor(link: RedisLink, keys: StoreKeys, anchors: readonly Place[]) {
    this.#link = link;
    this.#keys = keys;
    this.#anchors = anchors;
  }

  async read(tiles: readonly TileRead[], batch: readonly BatchRead[]): Promise<RequestAnswer> {
    for (const { viewId } of batch) this.#noteView(viewId);
    const turn = this.#turnOf();
    const nodes = new Set<NodeMarks>();
    const groups = this.#group(tiles);
    const blocks = groups.map((group) => {
      nodes.add(turn.marks(group.place.slot));
      return this.#askBlocks(group, tiles);
    });
    const rows = batch.map((read) => this.#askRow(read, this.#runs.get(read.viewId) ?? null, turn, nodes));
    const said = [...nodes].map((node) => node.said);
    const [values, found, marks] = await turn.within(
      Promise.all([together(blocks), rows.length === 0 ? NO_ROWS : Promise.all(rows), together(said)]),
    );
    const runs = new Array<TileRun>(tiles.length);
    groups.forEach((group, g) => {
      for (const i of group.reads) runs[i] = decodeRead(tiles[i], values[g]);
    });
    const answers = batch.length === 0 ? [] : await this.#answerBatch(batch, found, marks);
    return {
      runs,
      batch: answers,
      degraded: marks.some(({ whole }) => !whole),
      freshUntil: Math.min(...marks.map(({ fresh }) => fresh)),
    };
  }

  #turnOf(): Turn {
    if (this.#turn !== null) return this.#turn;
    const turn = new Turn(this.#link, this.#anchors, ['run', 'fresh', ...this.#views.map((view) => `g${view}`)]);
    this.#turn = turn;
    // Before the client writes what was sent in this turn.
    setImmediate(() => {
      if (this.#turn === turn) this.#turn = null;
      turn.end();
    });
    return turn;
  }

  #noteView(viewId: string): void {
    if (this.#views.includes(viewId)) return;
    this.#views.push(viewId);
    // The turn in hand does not ask for it.
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
  async #askBlocks({ place, reads }: KeyReads, tiles: readonly TileRead[]): Promise<readonly Block[]> {
    const blocks = blocksOf(reads.map((i) => tiles[i]));
    if (blocks === null) return allBlocks(listOf(await this.#link.sendUnlimited(place, ['HGETALL', place.key])));
    if (blocks.length === 0) return [];
    const fields = blocks.map(({ hop, block }) => blockField(hop, block));
    const values = listOf(await this.#link.sendUnlimited(place, ['HMGET', place.key, ...fields]));
    return blocks.flatMap((at, f) => {
      const bytes = bytesOf(values[f]);
      return bytes === null ? [] : [{ ...at, bytes }];
    });
  }

  async #askRow(read: BatchRead, runs: Runs | null, turn: Turn, nodes: Set<NodeMarks>): Promise<Reply> {
    const place = this.#keys.row(read.viewId, runs?.current.attempt ?? '', read.key);
    nodes.add(turn.marks(place.slot));
    return runs === null ? null : this.#link.sendUnlimited(place, ['GET', place.key]);
  }

  /** The rows as of what the anchors said; those that were read under another run are read again. */
  async #answerBatch(
    batch: readonly BatchRead[],
    found: readonly Reply[],
    marks: readonly Marks[],
  ): Promise<readonly (BatchAnswer | null)[]> {
    const rows = [...found];
    const runs = batch.map(({ viewId }) => {
      const at = this.#views.indexOf(viewId);
      return newestRuns(marks.map(({ views }) => textOf(views[at])));
    });
    const again = batch.map(async ({ viewId, key }, i) => {
      const now = runs[i];
      if (now === null || now.current.attempt === this.#runs.get(viewId)?.current.attempt) return;
      const place = this.#keys.row(viewId, now.current.attempt, key);
      rows[i] = await this.#link.sendUnlimited(place, ['GET', place.key]);
    });
    await this.#link.within(Promise.all(again));
    const degraded = marks.some(({ whole }) => !whole) ? { degraded: true } : {};
    return batch.map(({ viewId, features }, i) => {
      const now = runs[i];
      if (now === null) return null;
      this.#runs.set(viewId, now);
      const bytes = bytesOf(rows[i]);
      const values = bytes === null ? null : codecOf(features).decode(bytes);
      return { generation: now.current.generation, values, ...degraded };
    });
  }
}

/** One turn of the event loop: what is asked of each node once. */
class Turn {
  readonly #link: RedisLink;
  readonly #anchors: readonly Place[];
  readonly #fields: readonly string[];
  readonly #nodes = new Map<string, NodeMarks>();
  readonly #ends: (() => void)[] = [];

  constructor(link: RedisLink, anchors: readonly Place[], fields: readonly string[]) {
    this.#link = link;
    this.#anchors = anchors;
    this.#fields = fields;
  }

  /** The marks of the node of a slot, asked for at the first call. */
  marks(slot: number): NodeMarks {
    const name = this.#link.nodeName(slot);
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const own = this.#anchors.find((anchor) => this.#link.nodeName(anchor.slot) === name);
    const anchor = own ?? this.#anchors[0];
    const node = this.#link.nodeAgain(slot);
    const before = this.#link.sendUnlimited(anchor, ['HMGET', anchor.key, ...this.#fields]);
    const after = new Promise<Reply>((resolve, reject) => {
      this.#ends.push(() => this.#link.sendUnlimited(anchor, ['HGET', anchor.key, 'run']).then(resolve, reject));
    });
    const said = readMarks(node, before, after, own !== undefined);
    said.catch(() => undefined);
    const marks = { said };
    this.#nodes.set(name, marks);
    return marks;
  }

  end(): void {
    for (const end of this.#ends) end();
  }

  within<T>(work: Promise<T>): Promise<T> {
    return this.#link.within(work);
  }
}

interface Marks {
  readonly whole: boolean;
  readonly fresh: number;
  readonly views: readonly Reply[];
}

async function readMarks(
  node: Promise<Node>,
  before: Promise<Reply>,
  after: Promise<Reply>,
  covered: boolean,
): Promise<Marks> {
  const [{ runId }, first, last] = await Promise.all([node, before, after]);
  const [run, fresh, ...views] = listOf(first);
  const until = textOf(fresh);
  return {
    whole: covered && runId !== '' && [run, last].every((runs) => textOf(runs).split(' ').includes(runId)),
    fresh: until === '' ? Number.NEGATIVE_INFINITY : Number(until),
    views,
  };
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

/** What of the blocks belongs to a read. */
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

/** As Promise.all, without its cost where there is one: most requests read one key of one node. */
function together<T>(all: readonly Promise<T>[]): Promise<readonly T[]> {
  const [only] = all;
  return all.length === 1 && only !== undefined ? only.then((one) => [one]) : Promise.all(all);
}

const codecs = new WeakMap<BatchRead['features'], RowCodec>();

function codecOf(features: BatchRead['features']): RowCodec {
  const known = codecs.get(features) ?? rowCodec(features, 'a batch row');
  codecs.set(features, known);
  return known;
}
