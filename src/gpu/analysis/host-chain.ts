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
  /** Whether time between the outermost operators counts. */
  readonly between: boolean;
  /** Whether an event waits for the GPU: the time of the wait is then that of the GPU. */
  readonly waits: (index: number) => boolean;
}

/**
 * Chains the starts and ends of the events of a thread: each waits for the one before. Time is charged to the innermost event
 * that is open.
 */
export function chainThread(graph: PathGraph, events: ChainEvents, rules: ChainRules): void {
  const ends = Uint32Array.from({ length: events.count }, (_, index) => index);
  const length = (index: number) => events.end(index) - events.start(index);
  ends.sort((a, b) => events.end(a) - events.end(b) || length(a) - length(b) || b - a);
  const stack: number[] = [];
  const open: number[] = [];
  let last = -1;
  const link = (node: number, kind: number, weight: number, event: number) => {
    if (last >= 0) graph.edge(last, node, kind, weight, event);
    last = node;
  };
  let ended = 0;
  for (let next = 0; next < events.count || ended < events.count; ) {
    if (next < events.count && (ended >= events.count || events.start(next) < events.end(ends[ended]))) {
      stack.push(next);
      const event = events.event(next);
      next += 1;
      if (event < 0) continue;
      const node = 2 * event;
      const weight = last < 0 ? 0 : graph.time(node) - graph.time(last);
      if (open.length > 0) link(node, edgeKinds.work, weight, open[open.length - 1]);
      else link(node, edgeKinds.next, rules.between ? weight : 0, -1);
      open.push(event);
      continue;
    }
    ended += 1;
    const index = stack.pop();
    if (index === undefined) continue;
    const event = events.event(index);
    if (event < 0) continue;
    const node = 2 * event + 1;
    link(node, edgeKinds.work, rules.waits(index) ? 0 : graph.time(node) - graph.time(last), event);
    open.splice(open.lastIndexOf(event), 1);
  }
}
