import { workClassifier } from '../analysis/decompose.ts';
import { medianOf } from '../analysis/statistics.ts';
import type { StepWindow } from '../analysis/steps.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import { type FindingDraft, noMeasurement } from '../finding.ts';
import { clip, lengthOf } from '../intervals.ts';
import { looksSampled, ms, percent } from '../rules/rule.ts';

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
/** A rank is late if it causes this share of the waiting, or this many times its share by chance. */
const LATE_FROM = 0.6;
const LATE_BY_CHANCE = 1.4;
const WAIT_FROM = 0.05;

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

/** A rank that the others wait for, and how long each of them does. Indices of the join. */
export interface LateRank {
  readonly late: number;
  /** The rank that loses the largest share of its step. */
  readonly victim: number;
  /** Microseconds of all joined windows that each rank waits for the late one. */
  readonly waitUs: readonly number[];
  /** The part of that in the steady windows of each rank, which findings about single ranks are shares of. */
  readonly steadyWaitUs: readonly number[];
  /** The waiting of the victim as a share of its step. */
  readonly share: number;
}

/** The late ranks, by the time that they cost: a short and heavy lateness counts as much as a long and slight one. */
export function lateRanks(facts: readonly TraceFacts[], join: RankJoin): readonly LateRank[] {
  const least = Math.min(LATE_FROM, LATE_BY_CHANCE / facts.length);
  return facts
    .map((_, late): LateRank => {
      const caused = join.matched.filter(({ last }) => last === late);
      const total = (pick: (one: MatchedCollective) => readonly number[]) =>
        facts.map((__, index) => caused.reduce((us, one) => us + pick(one)[index], 0));
      const waitUs = total(({ exposedWaitUs }) => exposedWaitUs);
      const shares = facts.map((one, index) => waitUs[index] / joinedUs(one, join));
      const share = Math.max(...shares);
      return { late, victim: shares.indexOf(share), waitUs, steadyWaitUs: total((one) => one.steadyWaitUs), share };
    })
    .filter(({ late, share }) => share >= WAIT_FROM && join.lastShare[late] >= least)
    .sort((a, b) => b.share - a.share || a.late - b.late);
}

/** Waiting for ranks that none of the late ones causes: each rank comes last now and then. */
export interface WaitInTurn {
  readonly victim: number;
  /** The parts in the steady windows of each rank. */
  readonly steadyWaitUs: readonly number[];
  readonly share: number;
}

/** The rest of the waiting, after that for late ranks; undefined if it is no finding. */
export function waitInTurn(
  facts: readonly TraceFacts[],
  join: RankJoin,
  late: readonly LateRank[],
): WaitInTurn | undefined {
  const total = <One>(from: readonly One[], of: (one: One) => readonly number[]) =>
    facts.map((_, index) => from.reduce((us, one) => us + of(one)[index], 0));
  const rest = (all: readonly number[], named: readonly number[]) => all.map((us, index) => us - named[index]);
  const waitUs = rest(
    total(join.matched, ({ exposedWaitUs }) => exposedWaitUs),
    total(late, (one) => one.waitUs),
  );
  const shares = facts.map((one, index) => waitUs[index] / joinedUs(one, join));
  const share = shares.reduce((most, own) => Math.max(most, own), 0);
  if (share < WAIT_FROM) return undefined;
  const steadyWaitUs = rest(
    total(join.matched, (one) => one.steadyWaitUs),
    total(late, (one) => one.steadyWaitUs),
  );
  return { victim: shares.indexOf(share), steadyWaitUs, share };
}

/** The finding about ranks that wait for each other in turn. */
export function waitInTurnFinding(facts: readonly TraceFacts[], join: RankJoin, one: WaitInTurn): FindingDraft {
  const victim = facts[one.victim];
  const recoverableUs = one.share * joinedStepUs(victim, join);
  return {
    cause: 'multi-gpu',
    title: `the ranks wait for each other in turn: ${ms(recoverableUs)} ms of a ${ms(joinedStepUs(victim, join))} ms step until the last one comes`,
    scope: { file: victim.file, rank: join.ranks[one.victim] ?? null, device: null, window: 'stretched steps' },
    evidence: [
      { file: victim.file, what: 'collectives joined', value: join.matched.length, unit: 'collectives' },
      ...facts.map((own, index) => ({
        file: own.file,
        what: `share of the waiting that rank ${join.ranks[index]} causes`,
        value: percent(join.lastShare[index]),
        unit: '%',
      })),
      ...wireEvidence(victim.file, join),
    ],
    shareOfStep: one.share,
    recoverableUs,
    gpuHours: null,
    expected: noMeasurement,
    confidence: facts.some(looksSampled) || victim.steady.length < 2 ? 'low' : 'medium',
    disproof:
      'if every rank gets the same batch and they still come at different times, it is not their work that differs',
    fix: [
      'give the ranks equal work in each step: sort or bucket samples by length, pad to a common shape',
      'take what one rank does now and then out of the step: logging, evaluation, saving, garbage collection',
    ],
    nextCommand: `headrace gpu diagnose ${victim.file}  # the parts of a step whose length changes from step to step`,
  };
}

/** The finding about each late rank. */
export function rankFindings(
  facts: readonly TraceFacts[],
  join: RankJoin,
  late = lateRanks(facts, join),
): readonly FindingDraft[] {
  return late.map((one) => lateRankFinding(facts, join, one));
}

function lateRankFinding(facts: readonly TraceFacts[], join: RankJoin, one: LateRank): FindingDraft {
  const { late, share } = one;
  const victim = facts[one.victim];
  const recoverableUs = share * joinedStepUs(victim, join);
  const whole = join.worldSize === undefined || join.worldSize === facts.length;
  const wire = join.matched.reduce((sum, { wireUs }) => sum + wireUs, 0);
  const waits = join.matched.reduce((sum, { waitUs }) => sum + Math.max(...waitUs), 0);
  const alone = join.matched.reduce((sum, own) => (own.last === late ? sum + secondWaitUs(own) : sum), 0);
  return {
    cause: 'multi-gpu',
    title: `rank ${join.ranks[late]} is late: the others wait ${ms(recoverableUs)} ms of a ${ms(joinedStepUs(victim, join))} ms step for it`,
    scope: { file: facts[late].file, rank: join.ranks[late] ?? null, device: null, window: 'stretched steps' },
    evidence: [
      {
        file: facts[late].file,
        what: `share of the waiting that rank ${join.ranks[late]} causes`,
        value: percent(join.lastShare[late]),
        unit: '%',
      },
      { file: victim.file, what: 'collectives joined', value: join.matched.length, unit: 'collectives' },
      { file: victim.file, what: 'time on the wire', value: ms(wire), unit: 'ms' },
      ...wireEvidence(victim.file, join),
      { file: victim.file, what: 'longest wait of each collective, summed', value: ms(waits), unit: 'ms' },
      {
        file: facts[late].file,
        what: 'of it, what this rank costs by itself: until the second to last comes',
        value: ms(alone),
        unit: 'ms',
      },
      ...facts.map((own, index) => ({
        file: own.file,
        what: `rank ${join.ranks[index]}: exposed waiting`,
        value: percent(one.waitUs[index] / joinedUs(own, join)),
        unit: '% of the step',
      })),
    ],
    shareOfStep: share,
    recoverableUs,
    gpuHours: null,
    expected: noMeasurement,
    confidence:
      facts.some(looksSampled) || victim.steady.length < 2
        ? 'low'
        : whole && victim.steady.length >= 3
          ? 'high'
          : 'medium',
    disproof:
      'if the same rank number is late on other machines, it is the work of that rank; if another rank is, it is the machine',
    fix: [
      'find what the late rank does meanwhile: diagnose its trace alone',
      'balance its work (uneven shards, longer sequences, logging or saving on rank 0 only); else replace the node',
      'the network needs no tuning: the time on the wire is as short as the last arriver shows',
    ],
    nextCommand: `headrace gpu diagnose ${facts[late].file}`,
  };
}

/** How long the second to last rank waits for the last one. */
function secondWaitUs({ waitUs, last }: MatchedCollective): number {
  return waitUs.reduce((least, us, index) => (index === last ? least : Math.min(least, us)), Number.POSITIVE_INFINITY);
}

/** Bandwidth of the largest collective on the wire; nothing where the trace does not tell sizes. */
function wireEvidence(file: string, { matched }: RankJoin): FindingDraft['evidence'] {
  const sized = matched.filter(({ bytes, groupSize, wireUs }) => bytes > 0 && groupSize > 1 && wireUs > 0);
  const [largest] = sized.toSorted((a, b) => b.bytes - a.bytes);
  if (largest === undefined) return [];
  const { name, bytes, groupSize } = largest;
  const same = sized.filter((one) => one.name === name && one.bytes === bytes);
  const { algbw, busbw } = bandwidths(name, bytes, medianOf(same.map(({ wireUs }) => wireUs)), groupSize);
  const what = `${name} of ${(bytes / 1e6).toFixed(1)} MB over ${groupSize} ranks, on the wire`;
  return [
    { file, what: `${what}: algbw`, value: Math.round(algbw * 10) / 10, unit: 'GB/s' },
    { file, what: `${what}: busbw`, value: Math.round(busbw * 10) / 10, unit: 'GB/s' },
  ];
}

/** Windows in which collectives are joined: also steps that are much longer than the others, which a late rank can cause. */
function joinedWindows({ windows }: TraceFacts, names?: ReadonlySet<string>): readonly StepWindow[] {
  return windows.filter(
    ({ leftOut, name }) => (leftOut === undefined || leftOut === 'outlier') && (names?.has(name) ?? true),
  );
}

function joinedUs(facts: TraceFacts, { steps }: RankJoin): number {
  return joinedWindows(facts, steps).reduce((us, { start, end }) => us + end - start, 0);
}

/** The step that waiting is a share of: the median one, or the mean one if steps are joined that are much longer. */
export function joinedStepUs(facts: TraceFacts, join: RankJoin): number {
  const windows = joinedWindows(facts, join.steps);
  const hasOutlier = windows.some(({ leftOut }) => leftOut === 'outlier');
  return hasOutlier ? joinedUs(facts, join) / windows.length : facts.stepUs;
}
