import { type Argument, bytesOf, listOf, type Node, type RedisLink, type Reply, textOf } from './redis-link.ts';
import type { Place } from './store-keys.ts';

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
  readonly #nodes = new Map<string, NodeReads>();

  /** `fields` of each node's anchor are read: `run`, `fresh`, then those of batch views. */
  constructor(link: RedisLink, anchors: readonly Place[], fields: readonly string[]) {
    this.#link = link;
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
    const node = new NodeReads(this.#link, slot, own ?? this.#anchors[0], own !== undefined, this.#fields);
    this.#nodes.set(name, node);
    return node;
  }

  /** Sends the remaining reads, before the client writes the commands of this turn. */
  end(): void {
    for (const node of this.#nodes.values()) node.end();
  }
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
  readonly #node: Promise<Node>;
  readonly #places: Place[] = [];
  #texts: readonly Reply[] = [];
  readonly #beside: Promise<unknown>[] = [];
  readonly #settle: (all: Promise<void>) => void;
  /** The anchor before the first command; null: there was none yet. */
  #before: Promise<Reply> | null = null;
  #marks: Marks = { whole: false, fresh: Number.NEGATIVE_INFINITY, views: [] };

  constructor(link: RedisLink, slot: number, anchor: Place, isCovered: boolean, fields: readonly string[]) {
    this.#link = link;
    this.#anchor = anchor;
    this.#isCovered = isCovered;
    this.#fields = fields;
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
    return this.#places.push(place) - 1;
  }

  /** A text that was asked for, null where there is none. */
  at(place: number): Buffer | null {
    return bytesOf(this.#texts[place]);
  }

  /** Sends a command now. */
  send(place: Place, args: readonly Argument[]): Promise<Reply> {
    this.#before ??= this.#askAnchor();
    const sent = this.#link.sendUnlimited(place, args);
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
    this.#marks = {
      whole: this.#isCovered && runId !== '' && [run, last].every((runs) => textOf(runs).split(' ').includes(runId)),
      fresh: until === '' ? Number.NEGATIVE_INFINITY : Number(until),
      views: said.slice(2, this.#fields.length).map(textOf),
    };
  }
}
