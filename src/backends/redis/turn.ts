import { wholeToken } from './anchors.ts';
import { bytesOf, listOf, type Node, type RedisLink, type Reply, textOf } from './redis-link.ts';
import type { Script } from './scripts.ts';
import type { Place, RecordPlace, StoreKeys } from './store-keys.ts';

/** Keys that are read together: more would wait for each other, and others for them. */
const MOST_KEYS = 200;

const NOTHING: Promise<readonly Reply[]> = Promise.resolve([]);

/** The contents of a node's anchor. */
export interface Marks {
  readonly whole: boolean;
  /** Epoch ms; -Infinity before anyone said it. */
  readonly fresh: number;
  /** By batch view of the turn. */
  readonly views: readonly string[];
}

/** One turn of the event loop: the reads of all its requests, node by node. */
export class Turn {
  readonly #link: RedisLink;
  readonly #anchors: readonly Place[];
  readonly #fields: readonly string[];
  readonly #nesting: string;
  readonly #nodes = new Map<string, NodeReads>();

  /** `fields` of each node's anchor are read: `run`, `fresh`, then those of batch views. */
  constructor(
    link: RedisLink,
    { nesting }: Pick<StoreKeys, 'nesting'>,
    anchors: readonly Place[],
    fields: readonly string[],
  ) {
    this.#link = link;
    this.#nesting = nesting;
    this.#anchors = anchors;
    this.#fields = fields;
  }

  /** The reads of the node of a slot. */
  of({ slot }: Place): NodeReads {
    const name = this.#link.nodeName(slot);
    const known = this.#nodes.get(name);
    if (known?.isFull === false) return known;
    known?.end();
    const own = this.#anchors.find((anchor) => this.#link.nodeName(anchor.slot) === name);
    const anchor = own ?? this.#anchors[0];
    const node = new NodeReads({
      link: this.#link,
      slot,
      anchor,
      isCovered: own !== undefined,
      fields: this.#fields,
      nesting: this.#nesting,
    });
    this.#nodes.set(name, node);
    return node;
  }

  /** Sends the remaining reads, before the client writes the commands of this turn. */
  end(): void {
    for (const node of this.#nodes.values()) node.end();
  }
}

interface NodeReadsOptions {
  readonly link: RedisLink;
  readonly slot: number;
  readonly anchor: Place;
  /** Whether the anchor is on this node. */
  readonly isCovered: boolean;
  readonly fields: readonly string[];
  readonly nesting: string;
}

/**
 * The reads of some requests from one node, and its anchor before the first and after the last of them, so that a loss between
 * two commands is detected. A single server returns all texts by one command; the keys of a cluster's node are in many slots, and
 * are read one by one. Hot path.
 */
export class NodeReads {
  /** When all is there. Errors: REDIS_*. */
  readonly done: Promise<void>;
  readonly #link: RedisLink;
  readonly #anchor: Place;
  readonly #isCovered: boolean;
  readonly #fields: readonly string[];
  readonly #nesting: string;
  readonly #node: Promise<Node>;
  readonly #places: Place[] = [];
  /** By key, the place of its answer: requests of one turn read an entity once. */
  readonly #asked = new Map<string, number>();
  #texts: readonly Reply[] = [];
  readonly #beside: Promise<unknown>[] = [];
  readonly #settle: (all: Promise<void>) => void;
  /** The anchor before the first command; null: there was none yet. */
  #before: Promise<Reply> | null = null;
  #marks: Marks = { whole: false, fresh: Number.NEGATIVE_INFINITY, views: [] };

  constructor({ link, slot, anchor, isCovered, fields, nesting }: NodeReadsOptions) {
    this.#link = link;
    this.#anchor = anchor;
    this.#isCovered = isCovered;
    this.#fields = fields;
    this.#nesting = nesting;
    this.#node = link.nodeAgain(slot);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#settle = resolve;
    // Reported to the waiting reads, when the turn has ended.
    this.#node.catch(() => undefined);
  }

  get isFull(): boolean {
    return this.#places.length >= MOST_KEYS;
  }

  get marks(): Marks {
    return this.#marks;
  }

  /** Asks for a text; gives the place of the answer. */
  ask(place: Place): number {
    const known = this.#asked.get(place.key);
    if (known !== undefined) return known;
    const at = this.#places.push(place) - 1;
    this.#asked.set(place.key, at);
    return at;
  }

  /** A text that was asked for, null where there is none. */
  at(place: number): Buffer | null {
    return bytesOf(this.#texts[place]);
  }

  /** Calls a script now. */
  eval(script: Script, places: RecordPlace, args: readonly string[]): Promise<Reply> {
    this.#before ??= this.#askAnchor();
    const sent = this.#link.eval(script, places, args);
    this.#beside.push(sent);
    sent.catch(() => undefined);
    return sent;
  }

  /** Sends the reads. */
  end(): void {
    this.#settle(this.#link.within(this.#read()));
    this.done.catch(() => undefined);
  }

  async #read(): Promise<void> {
    this.#before ??= this.#askAnchor();
    const texts = this.#askTexts();
    const after = this.#link.sendUnlimited(this.#anchor, ['HGET', this.#anchor.key, 'run']);
    const [node, before, found, last] = await Promise.all([this.#node, this.#before, texts, after, ...this.#beside]);
    this.#texts = found;
    this.#note(node, listOf(before), last);
  }

  #askTexts(): Promise<readonly Reply[]> {
    const places = this.#places;
    const [first] = places;
    if (first === undefined) return NOTHING;
    if (this.#link.isCluster)
      return Promise.all(places.map((place) => this.#link.sendUnlimited(place, ['GET', place.key])));
    return this.#link.sendUnlimited(first, ['MGET', ...places.map(({ key }) => key)]).then(listOf);
  }

  #askAnchor(): Promise<Reply> {
    const said = this.#link.sendUnlimited(this.#anchor, ['HMGET', this.#anchor.key, ...this.#fields]);
    said.catch(() => undefined);
    return said;
  }

  #note({ runId }: Node, said: readonly Reply[], last: Reply | undefined): void {
    const [run, fresh] = said;
    const until = textOf(fresh);
    const token = wholeToken(runId, this.#nesting);
    this.#marks = {
      whole: this.#isCovered && runId !== '' && [run, last].every((runs) => hasWord(textOf(runs), token)),
      fresh: until === '' ? Number.NEGATIVE_INFINITY : Number(until),
      views: said.slice(2, this.#fields.length).map(textOf),
    };
  }
}

function hasWord(words: string, word: string): boolean {
  return words === word || words.split(' ').includes(word);
}
