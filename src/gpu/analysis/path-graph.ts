import { grow } from '../trace/names.ts';

/**
 * The dependency of one end of an event: the work of the event or of the enclosing one (`work`), the previous event on the
 * same thread (`next`), a launching call (`launch`), the previous event on the same stream (`stream`), another stream or
 * the GPU as a whole (`sync`).
 */
export const edgeKinds = { work: 0, next: 1, launch: 2, stream: 3, sync: 4 } as const;

/** One edge of a path: `event` is what its time is charged to, -1 for nothing. */
export interface PathEdge {
  readonly from: number;
  readonly to: number;
  readonly kind: number;
  readonly weight: number;
  readonly event: number;
}

/**
 * A graph of starts and ends of events: node 2 i is the start of event i, node 2 i + 1 its end. An edge orders two nodes, and
 * has the time between them.
 */
export class PathGraph {
  #times: Float64Array<ArrayBuffer>;
  #events = 0;
  #count = 0;
  #from: Int32Array<ArrayBuffer>;
  #to: Int32Array<ArrayBuffer>;
  #kind: Uint8Array<ArrayBuffer>;
  #weight: Float64Array<ArrayBuffer>;
  #event: Int32Array<ArrayBuffer>;

  /** With room for this many events. */
  constructor(events = 1 << 7) {
    const room = 2 * events + 16;
    this.#times = new Float64Array(room);
    this.#from = new Int32Array(room);
    this.#to = new Int32Array(room);
    this.#kind = new Uint8Array(room);
    this.#weight = new Float64Array(room);
    this.#event = new Int32Array(room);
  }

  /** The number of a new event. */
  event(start: number, end: number): number {
    if (2 * this.#events + 2 > this.#times.length) this.#times = grow(this.#times, Float64Array);
    this.#times[2 * this.#events] = start;
    this.#times[2 * this.#events + 1] = end;
    this.#events += 1;
    return this.#events - 1;
  }

  time(node: number): number {
    return this.#times[node];
  }

  /** Adds an edge that takes `weight`; less than nothing is nothing. */
  edge(from: number, to: number, kind: number, weight: number, event = -1): void {
    if (this.#count === this.#from.length) {
      this.#from = grow(this.#from, Int32Array);
      this.#to = grow(this.#to, Int32Array);
      this.#kind = grow(this.#kind, Uint8Array);
      this.#weight = grow(this.#weight, Float64Array);
      this.#event = grow(this.#event, Int32Array);
    }
    this.#from[this.#count] = from;
    this.#to[this.#count] = to;
    this.#kind[this.#count] = kind;
    this.#weight[this.#count] = Math.max(weight, 0);
    this.#event[this.#count] = event;
    this.#count += 1;
  }

  /** Every edge, in the order in which they were added. */
  edges(): readonly PathEdge[] {
    return Array.from({ length: this.#count }, (_, edge) => this.edgeAt(edge));
  }

  /** The longest path, from its beginning; of paths of the same length the one that was added first. Edges of a circle do not count. */
  longestPath(): readonly PathEdge[] {
    return Array.from(this.longest(), (edge) => this.edgeAt(edge));
  }

  /** Hot path. The numbers of the edges of the longest path, which may be all there are. */
  longest(): Int32Array {
    const nodes = 2 * this.#events;
    const { order, into, intoNext } = this.#inOrder(nodes);
    const reached = new Float64Array(nodes);
    const by = new Int32Array(nodes).fill(-1);
    let last = -1;
    for (let index = 0; index < order.length; index += 1) {
      const node = order[index];
      for (let edge = into[node]; edge >= 0; edge = intoNext[edge]) {
        const length = reached[this.#from[edge]] + this.#weight[edge];
        if (by[node] >= 0 && length <= reached[node]) continue;
        by[node] = edge;
        reached[node] = length;
      }
      if (last < 0 || reached[node] > reached[last]) last = node;
    }
    let begins = nodes;
    const path = new Int32Array(nodes);
    for (let node = last; node >= 0 && by[node] >= 0; node = this.#from[by[node]]) path[--begins] = by[node];
    return path.subarray(begins);
  }

  edgeAt(edge: number): PathEdge {
    return {
      from: this.#from[edge],
      to: this.#to[edge],
      kind: this.#kind[edge],
      weight: this.#weight[edge],
      event: this.#event[edge],
    };
  }

  /** The nodes, each after those that it waits for, and for each its edges in the order in which they were added. */
  #inOrder(nodes: number) {
    const count = this.#count;
    const into = new Int32Array(nodes).fill(-1);
    const outOf = new Int32Array(nodes).fill(-1);
    const intoNext = new Int32Array(count);
    const outOfNext = new Int32Array(count);
    const waits = new Int32Array(nodes);
    for (let edge = count - 1; edge >= 0; edge -= 1) {
      intoNext[edge] = into[this.#to[edge]];
      into[this.#to[edge]] = edge;
      outOfNext[edge] = outOf[this.#from[edge]];
      outOf[this.#from[edge]] = edge;
      waits[this.#to[edge]] += 1;
    }
    const order = new Int32Array(nodes);
    let found = 0;
    for (let node = 0; node < nodes; node += 1) if (waits[node] === 0) order[found++] = node;
    order.subarray(0, found).sort((a, b) => this.#times[a] - this.#times[b] || (a & 1) - (b & 1) || a - b);
    for (let at = 0; at < found; at += 1)
      for (let edge = outOf[order[at]]; edge >= 0; edge = outOfNext[edge]) {
        const node = this.#to[edge];
        waits[node] -= 1;
        if (waits[node] === 0) order[found++] = node;
      }
    return { order: order.subarray(0, found), into, intoNext };
  }
}
