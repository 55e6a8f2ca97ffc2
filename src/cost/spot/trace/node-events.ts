import { fail } from '../../../base/errors/fail.ts';
import { type CountAt, countsOnGrid, lossesOf } from './counts-on-grid.ts';
import type { LossCount, ReadTraceOptions, TraceFault } from './spot-trace.ts';
import type { ParsedTrace } from './tick-counts.ts';

/** A node that came or went. */
interface NodeEvent {
  readonly atMs: number;
  readonly act: 'add' | 'remove';
  readonly node: string;
}

const linePattern = /^(\d{1,13}(?:\.\d{1,6})?),(add|remove),([^,]{1,200})$/;

/** Lines `time in ms,add|remove,node`: a node runs from its add to its remove. Errors: COST_TRACE, COST_TRACE_DISORDER. */
export function parseNodeEvents(path: string, lines: readonly string[], options: ReadTraceOptions): ParsedTrace {
  const events = lines.map((line, index): NodeEvent => {
    const match = linePattern.exec(line);
    if (match === null) throw fail('COST_TRACE', { path, reason: `line ${index + 1} is not time,add|remove,node` });
    return { atMs: Number(match[1]), act: match[2] === 'add' ? 'add' : 'remove', node: match[3] ?? '' };
  });
  return { ...traceOfEvents(path, events, options), family: 'node-events' };
}

/** Lines `[time in ms, "add"|"remove"|"no-op"|"migration", {"nodes": […]}]`. Errors: COST_TRACE, COST_TRACE_DISORDER. */
export function parseReconfigurations(path: string, lines: readonly string[], options: ReadTraceOptions): ParsedTrace {
  const events: NodeEvent[] = [];
  let lastMs = 0;
  lines.forEach((line, index) => {
    const { atMs, act, nodes } = reconfiguration(path, line, index);
    if (act === 'add' || act === 'remove') for (const node of nodes) events.push({ atMs, act, node });
    lastMs = Math.max(lastMs, atMs);
  });
  return { ...traceOfEvents(path, events, { ...options, untilMs: lastMs }), family: 'reconfigurations' };
}

const acts: readonly unknown[] = ['add', 'remove', 'no-op', 'migration'];

function reconfiguration(path: string, line: string, index: number) {
  const wrong = (cause?: unknown) =>
    fail('COST_TRACE', { path, reason: `line ${index + 1} is not [time, act, {"nodes": […]}]` }, cause);
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw wrong(error);
  }
  if (!Array.isArray(parsed)) throw wrong();
  const [atMs, act, detail] = parsed as readonly unknown[];
  const nodes = typeof detail === 'object' && detail !== null && 'nodes' in detail ? detail.nodes : undefined;
  if (typeof atMs !== 'number' || !Number.isFinite(atMs) || atMs < 0 || !acts.includes(act)) throw wrong();
  if (!Array.isArray(nodes) || !nodes.every((node): node is string => typeof node === 'string')) throw wrong();
  return { atMs, act, nodes };
}

/** Events to counts: one change for each instant. */
function traceOfEvents(
  path: string,
  events: readonly NodeEvent[],
  { sorted = false, gapS = 60, untilMs }: ReadTraceOptions & { readonly untilMs?: number },
): Omit<ParsedTrace, 'family'> {
  const backwards = events.flatMap(({ atMs }, index) => (atMs < (events[index - 1]?.atMs ?? atMs) ? [index] : []));
  const [first] = backwards;
  if (first !== undefined && !sorted)
    throw fail('COST_TRACE_DISORDER', { path, lines: backwards.length, line: first + 1 });
  const inOrder = first === undefined ? events : events.toSorted((a, b) => a.atMs - b.atMs);
  const alive = new Set<string>();
  const faults = new Map<TraceFault['what'], { count: number; example: string }>();
  if (first !== undefined) faults.set('backwards', { count: backwards.length, example: `event ${first + 1}` });
  const report = (what: TraceFault['what'], node: string) => {
    const known = faults.get(what);
    if (known === undefined) faults.set(what, { count: 1, example: node });
    else known.count += 1;
  };
  const instants: CountAt[] = [];
  for (const { atMs, act, node } of inOrder) {
    if (act === 'add' && alive.has(node)) report('added while alive', node);
    if (act === 'remove' && !alive.has(node)) report('removed while absent', node);
    if (act === 'add') alive.add(node);
    else alive.delete(node);
    const atS = atMs / 1000;
    if (instants.at(-1)?.atS === atS) instants.pop();
    instants.push({ atS, count: alive.size });
  }
  const endS = (untilMs ?? 0) / 1000;
  const last = instants.at(-1);
  if (last !== undefined && endS > last.atS) instants.push({ atS: endS, count: last.count });
  return {
    gapS,
    counts: countsOnGrid(path, instants, gapS),
    evidence: 'a node counts from its add to its remove',
    startMs: null,
    faults: [...faults].map(([what, fault]) => ({ what, ...fault })),
    losses: withEvents(lossesOf(instants), inOrder),
    lossesUnsorted: null,
  };
}

/** Adds and removes as they are written: within an instant they do not cancel out. */
function withEvents(losses: LossCount, events: readonly NodeEvent[]): LossCount {
  const atOnce = new Map<number, number>();
  for (const { atMs, act } of events) if (act === 'remove') atOnce.set(atMs, (atOnce.get(atMs) ?? 0) + 1);
  const lost = events.filter(({ act }) => act === 'remove').length;
  return {
    ...losses,
    lost,
    added: events.length - lost,
    lostPerInstanceHour: losses.instanceHours > 0 ? lost / losses.instanceHours : 0,
    mostLostAtOnce: [...atOnce.values()].reduce((most, one) => Math.max(most, one), 0),
  };
}
