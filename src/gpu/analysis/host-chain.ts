import { edgeKinds, type PathGraph } from './path-graph.ts';

/** The events of one host thread, in order of start; of those that start together the longer first. */
export interface ChainEvents {
  readonly count: number;
  readonly start: (index: number) => number;
  readonly end: (index: number) => number;
  /** The number of the event in the graph; -1 of one that only encloses others. */
  readonly event: (index: number) => number;
}

/** How the chain of a thread is weighed. */
export interface ChainRules {
  /** The kind of the time from one outermost event to the next, by their nodes. */
  readonly between: (from: number, to: number) => number;
  /** Whether an event waits for the GPU: the time of the wait is then that of the GPU. */
  readonly waits: (index: number) => boolean;
}

/**
 * Chains the starts and ends of the events of a thread: each waits for the previous one. Time is charged to the innermost event
 * that is open.
 */
export function chainThread(graph: PathGraph, events: ChainEvents, rules: ChainRules): void {
  const stack: number[] = [];
  const open: number[] = [];
  let last = -1;
  const edges = edgesInOrder(events);
  for (let at = 0; at < edges.length; at += 1) {
    const edge = edges[at];
    if (edge >= 0) {
      stack.push(edge);
      const event = events.event(edge);
      if (event < 0) continue;
      const node = 2 * event;
      if (open.length > 0)
        graph.edge(last, node, edgeKinds.work, graph.time(node) - graph.time(last), open[open.length - 1]);
      else if (last >= 0) graph.edge(last, node, edgeKinds.next, rules.between(last, node));
      last = node;
      open.push(event);
      continue;
    }
    const index = stack.pop();
    const event = index === undefined ? -1 : events.event(index);
    if (index === undefined || event < 0) continue;
    const node = 2 * event + 1;
    graph.edge(last, node, edgeKinds.work, rules.waits(index) ? 0 : graph.time(node) - graph.time(last), event);
    last = node;
    open.pop();
  }
}

/** Starts (the index of an event) and ends (-1) in order of time; an end is before a start at the same time. */
function edgesInOrder({ count, start, end }: ChainEvents): Int32Array {
  const order = new Int32Array(2 * count).fill(-1);
  const open = new Int32Array(count);
  let depth = 0;
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    const begins = start(index);
    while (depth > 0 && end(open[depth - 1]) <= begins) {
      depth -= 1;
      at += 1;
    }
    if (depth > 0 && end(open[depth - 1]) < end(index)) return unnestedInOrder({ count, start, end });
    order[at++] = index;
    open[depth++] = index;
  }
  return order;
}

/** The same where an event ends after the one around it. */
function unnestedInOrder({ count, start, end }: Pick<ChainEvents, 'count' | 'start' | 'end'>): Int32Array {
  const ends = Float64Array.from({ length: count }, (_, index) => end(index)).sort();
  const order = new Int32Array(2 * count).fill(-1);
  let ended = 0;
  for (let index = 0; index < count; index += 1) {
    while (ended < count && ends[ended] <= start(index)) ended += 1;
    order[index + ended] = index;
  }
  return order;
}
