import { workClassifier } from '../analysis/decompose.ts';
import { medianOf } from '../analysis/statistics.ts';
import type { StepWindow } from '../analysis/steps.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import { clip, lengthOf } from '../intervals.ts';

/** One collective that several ranks took part in. Microseconds. */
export interface MatchedCollective {
  readonly name: string;
  /** Time on the wire: the shortest duration over ranks, that of the last arriver. */
  readonly wireUs: number;
  /** Time that each rank waited for the last arriver, in the order of ranks. */
  readonly waitUs: readonly number[];
  /** The part of each wait that can make the rank's step shorter: at most what no computation hides. */
  readonly exposedWaitUs: readonly number[];
  /** The part of that in the steady windows of the rank. */
  readonly steadyWaitUs: readonly number[];
  /** Index of the rank that arrived last. */
  readonly last: number;
  readonly bytes: number;
  readonly groupSize: number;
}

/** Several ranks of one job, joined at their collectives. */
export interface RankJoin {
  readonly ranks: readonly number[];
  readonly matched: readonly MatchedCollective[];
  /** Microseconds to add to the times of each rank so that collectives end together. */
  readonly clockOffsetUs: readonly number[];
  /** Share of collectives in which each rank arrived last, weighted by the waiting that it caused. */
  readonly lastShare: readonly number[];
  readonly worldSize: number | undefined;
  /** The names of the steps that all ranks have; undefined if they share none. */
  readonly steps: ReadonlySet<string> | undefined;
}

/** Collectives below this number say nothing. */
const LEAST_MATCHED = 4;

/** Joins ranks of one job by the order of their collectives within each group; undefined without collectives in common. */
export function joinRanks(facts: readonly TraceFacts[]): RankJoin | undefined {
  const ranks = facts.map(({ trace }) => trace.rank);
  if (facts.length < 2 || new Set(ranks).size !== ranks.length || ranks.includes(undefined)) return undefined;
  const rows = matchedRows(facts);
  if (rows.length < LEAST_MATCHED) return undefined;
  const matched = rows.map((one) => matchedCollective(facts, one));
  const caused = ranks.map((_, index) =>
    matched.reduce((sum, { last, waitUs }) => (last === index ? sum + Math.max(...waitUs) : sum), 0),
  );
  const all = caused.reduce((sum, us) => sum + us, 0);
  return {
    ranks: ranks.map((rank) => rank ?? -1),
    matched,
    clockOffsetUs: offsetsOf(facts, rows),
    lastShare: caused.map((us) => (all === 0 ? 0 : us / all)),
    worldSize: facts[0].trace.worldSize,
    steps: commonSteps(facts),
  };
}

/** The clocks of ranks, and how far the ends of their collectives are from each other after that (the median). */
export function alignment(
  facts: readonly TraceFacts[],
): { readonly clockOffsetUs: readonly number[]; readonly residualUs: number } | undefined {
  const rows = matchedRows(facts);
  if (rows.length < LEAST_MATCHED) return undefined;
  const clockOffsetUs = offsetsOf(facts, rows);
  const residuals = facts.map((one, index) =>
    medianOf(rows.map((own) => Math.abs(endOf(facts[0], own[0]) - endOf(one, own[index]) - clockOffsetUs[index]))),
  );
  return { clockOffsetUs, residualUs: Math.max(...residuals) };
}

/** Of all-reductions, and of gathers and scatters of even parts, every rank has the same number of elements. */
const evenCollective = /all_?reduce|_base$/i;

/** How often each trace has each even collective of the whole job in the steps in common, by group, name, type and size. */
export function worldCollectives(facts: readonly TraceFacts[]): readonly ReadonlyMap<string, number>[] {
  const names = commonSteps(facts);
  return facts.map((one) => {
    const counts = new Map<string, number>();
    for (const row of [...collectivesOf(one, names).values()].flat()) {
      const args = one.trace.collectives.get(row);
      if (args === undefined || args.groupSize !== one.trace.worldSize || !evenCollective.test(args.name)) continue;
      const key = `${args.group}/${args.name}/${args.dtype}/${args.inElements}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  });
}

/** The collectives that all ranks have: the row of each rank. */
function matchedRows(facts: readonly TraceFacts[]): readonly (readonly number[])[] {
  const names = commonSteps(facts);
  const lists = facts.map((one) => collectivesOf(one, names));
  const matched: number[][] = [];
  for (const key of lists[0].keys()) {
    const others = lists.map((list) => list.get(key) ?? []);
    const count = Math.min(...others.map((list) => list.length));
    // A list of another length was cut at its beginning: ranks are aligned at the end of the recording.
    for (let back = 1; back <= count; back += 1) matched.push(others.map((list) => list[list.length - back]));
  }
  return matched;
}

/** The names of the windows that all ranks have; undefined if they share none. A step may be left out of one rank only. */
function commonSteps(facts: readonly TraceFacts[]): ReadonlySet<string> | undefined {
  const [first, ...others] = facts.map((one) => new Set(joinedWindows(one).map(({ name }) => name)));
  const common = others.reduce((names, own) => names.intersection(own), first);
  return common.size === 0 ? undefined : common;
}

function matchedCollective(facts: readonly TraceFacts[], rows: readonly number[]): MatchedCollective {
  const [{ trace }] = facts;
  const durations = rows.map((row, index) => facts[index].trace.gpu.dur[row]);
  const wireUs = Math.min(...durations);
  const args = trace.collectives.get(rows[0]);
  const waitUs = durations.map((us) => us - wireUs);
  return {
    name: args?.name ?? trace.names.text(trace.gpu.name[rows[0]]),
    wireUs,
    waitUs,
    exposedWaitUs: waitUs.map((us, index) => Math.min(us, exposedOf(facts[index], rows[index]))),
    steadyWaitUs: waitUs.map((us, index) => Math.min(us, steadyExposedOf(facts[index], rows[index]))),
    last: durations.indexOf(wireUs),
    bytes: args === undefined ? Number.NaN : Math.max(args.inElements, args.outElements) * elementBytes(args.dtype),
    groupSize: args?.groupSize ?? Number.NaN,
  };
}

/** Time of a collective that no computation hides. */
function exposedOf(facts: TraceFacts, row: number): number {
  const { ts, dur } = facts.trace.gpu;
  return exposedBetween(facts, ts[row], ts[row] + dur[row]);
}

/** The same within steady windows. */
function steadyExposedOf(facts: TraceFacts, row: number): number {
  const { ts, dur } = facts.trace.gpu;
  return facts.steady.reduce(
    (us, { start, end }) => us + exposedBetween(facts, Math.max(ts[row], start), Math.min(ts[row] + dur[row], end)),
    0,
  );
}

function exposedBetween({ busy }: TraceFacts, start: number, end: number): number {
  return end <= start ? 0 : end - start - lengthOf(clip(busy.compute, start, end));
}

function offsetsOf(facts: readonly TraceFacts[], rows: readonly (readonly number[])[]): readonly number[] {
  return facts.map((one, index) => medianOf(rows.map((own) => endOf(facts[0], own[0]) - endOf(one, own[index]))));
}

function endOf({ trace: { gpu } }: TraceFacts, row: number): number {
  return gpu.ts[row] + gpu.dur[row];
}

/** Communication kernels of the joined windows, in order of time, by process group and name. */
function collectivesOf(
  facts: TraceFacts,
  names: ReadonlySet<string> | undefined,
): ReadonlyMap<string, readonly number[]> {
  const { trace, rows } = facts;
  const workOf = workClassifier(trace);
  const lists = new Map<string, number[]>();
  const windows = joinedWindows(facts, names);
  const ordered = [...rows]
    .filter((row) => workOf(row) === 'communication')
    .sort((a, b) => trace.gpu.ts[a] - trace.gpu.ts[b]);
  for (const row of ordered) {
    const at = trace.gpu.ts[row];
    if (!windows.some(({ start, end }) => at >= start && at <= end)) continue;
    const args = trace.collectives.get(row);
    const key = `${args?.group ?? ''}/${args?.name ?? ''}/${trace.names.text(trace.gpu.name[row])}`;
    const list = lists.get(key);
    if (list === undefined) lists.set(key, [row]);
    else list.push(row);
  }
  return lists;
}

function elementBytes(dtype: string): number {
  return /double|long|int64|float64/i.test(dtype)
    ? 8
    : /half|bfloat16|float16|short/i.test(dtype)
      ? 2
      : /byte|char|bool|int8|float8/i.test(dtype)
        ? 1
        : 4;
}

/** Bandwidths of a collective in GB/s, as nccl-tests defines them: algbw = bytes / time, busbw = algbw × factor(n). */
export function bandwidths(name: string, bytes: number, us: number, ranks: number): { algbw: number; busbw: number } {
  const algbw = bytes / us / 1000;
  return { algbw, busbw: algbw * busFactor(name, ranks) };
}

function busFactor(name: string, ranks: number): number {
  if (/all_?reduce/i.test(name)) return (2 * (ranks - 1)) / ranks;
  if (/all_?gather|reduce_?scatter|all_?to_?all/i.test(name)) return (ranks - 1) / ranks;
  return 1;
}

/** Windows in which collectives are joined: also steps that are much longer than the others, which a late rank can cause. */
function joinedWindows({ windows }: TraceFacts, names?: ReadonlySet<string>): readonly StepWindow[] {
  return windows.filter(
    ({ leftOut, name }) => (leftOut === undefined || leftOut === 'outlier') && (names?.has(name) ?? true),
  );
}

/** The time of these windows. */
export function joinedUs(facts: TraceFacts, { steps }: RankJoin): number {
  return joinedWindows(facts, steps).reduce((us, { start, end }) => us + end - start, 0);
}

/** The step that waiting is a share of: the median one, or the mean one if steps are joined that are much longer. */
export function joinedStepUs(facts: TraceFacts, join: RankJoin): number {
  const windows = joinedWindows(facts, join.steps);
  const hasOutlier = windows.some(({ leftOut }) => leftOut === 'outlier');
  return hasOutlier ? joinedUs(facts, join) / windows.length : facts.stepUs;
}
