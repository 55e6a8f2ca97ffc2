import { workClassifier } from '../analysis/decompose.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import { middle } from '../analysis/utilisation.ts';
import { type FindingDraft, noMeasurement } from '../finding.ts';
import { looksSampled, ms, percent } from '../rules/rule.ts';

/** One collective that several ranks took part in. Microseconds. */
export interface MatchedCollective {
  readonly name: string;
  /** Time on the wire: the shortest duration over ranks, that of the last arriver. */
  readonly wireUs: number;
  /** Time that each rank waited for the last arriver, in the order of ranks. */
  readonly waitUs: readonly number[];
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
}

/** Collectives below this number say nothing. */
const LEAST_MATCHED = 5;
const LATE_FROM = 0.6;
const WAIT_FROM = 0.05;

/** Joins ranks by the order of their collectives within each group; undefined if they are not ranks of one job. */
export function joinRanks(facts: readonly TraceFacts[]): RankJoin | undefined {
  const ranks = facts.map(({ trace }) => trace.rank);
  if (facts.length < 2 || new Set(ranks).size !== ranks.length || ranks.includes(undefined)) return undefined;
  const lists = facts.map(collectivesOf);
  const matched: MatchedCollective[] = [];
  const ends: number[][] = facts.map(() => []);
  for (const [key, first] of lists[0]) {
    const others = lists.map((list) => list.get(key) ?? []);
    const count = Math.min(...others.map((list) => list.length));
    // A list of another length was cut at its beginning: ranks are aligned at the end of the recording.
    for (let back = 1; back <= count; back += 1) {
      const rows = others.map((list) => list[list.length - back]);
      const durations = rows.map((row, index) => facts[index].trace.gpu.dur[row]);
      const wireUs = Math.min(...durations);
      const args = facts[0].trace.collectives.get(first[first.length - back]);
      matched.push({
        name: args?.name ?? facts[0].trace.names.text(facts[0].trace.gpu.name[rows[0]]),
        wireUs,
        waitUs: durations.map((us) => us - wireUs),
        last: durations.indexOf(wireUs),
        bytes: args === undefined ? Number.NaN : Math.max(args.inElements, args.outElements) * elementBytes(args.dtype),
        groupSize: args?.groupSize ?? Number.NaN,
      });
      for (const [index, row] of rows.entries())
        ends[index].push(facts[index].trace.gpu.ts[row] + facts[index].trace.gpu.dur[row]);
    }
  }
  if (matched.length < LEAST_MATCHED) return undefined;
  const caused = ranks.map((_, index) =>
    matched.reduce((sum, { last, waitUs }) => (last === index ? sum + Math.max(...waitUs) : sum), 0),
  );
  const all = caused.reduce((sum, us) => sum + us, 0);
  return {
    ranks: ranks.map((rank) => rank ?? -1),
    matched,
    clockOffsetUs: ends.map((list) => middle(list.map((end, index) => ends[0][index] - end))),
    lastShare: caused.map((us) => (all === 0 ? 0 : us / all)),
    worldSize: facts[0].trace.worldSize,
  };
}

/** Communication kernels of the steady windows, in order of time, by process group and name. */
function collectivesOf(facts: TraceFacts): ReadonlyMap<string, readonly number[]> {
  const { trace, rows, steady } = facts;
  const workOf = workClassifier(trace);
  const lists = new Map<string, number[]>();
  const from = steady[0].start;
  const until = steady[steady.length - 1].end;
  const ordered = [...rows]
    .filter((row) => workOf(row) === 'communication')
    .sort((a, b) => trace.gpu.ts[a] - trace.gpu.ts[b]);
  for (const row of ordered) {
    if (trace.gpu.ts[row] < from || trace.gpu.ts[row] > until) continue;
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

/** What the join finds: a rank that the others wait for. */
export function rankFindings(facts: readonly TraceFacts[], join: RankJoin): readonly FindingDraft[] {
  const late = join.lastShare.indexOf(Math.max(...join.lastShare));
  const waiting = facts.map((one, index) => waitShare(one, join, index));
  const worst = Math.max(...waiting.filter((_, index) => index !== late));
  const persistent = join.lastShare[late] >= LATE_FROM;
  if (worst < WAIT_FROM || !persistent) return [];
  const victim = facts[waiting.indexOf(worst)];
  const recoverableUs = worst * victim.stepUs;
  const whole = join.worldSize === undefined || join.worldSize === facts.length;
  const wire = join.matched.reduce((sum, { wireUs }) => sum + wireUs, 0);
  const waits = join.matched.reduce((sum, { waitUs }) => sum + Math.max(...waitUs), 0);
  return [
    {
      cause: 'multi-gpu',
      title: `rank ${join.ranks[late]} is late: the others wait ${ms(recoverableUs)} ms of a ${ms(victim.stepUs)} ms step for it`,
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
        ...facts.map((one, index) => ({
          file: one.file,
          what: `rank ${join.ranks[index]}: exposed waiting`,
          value: percent(waiting[index]),
          unit: '% of the step',
        })),
      ],
      shareOfStep: worst,
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
    },
  ];
}

/** Bandwidth of the largest collective on the wire; nothing where the trace does not tell sizes. */
function wireEvidence(file: string, { matched }: RankJoin): FindingDraft['evidence'] {
  const sized = matched.filter(({ bytes, groupSize, wireUs }) => bytes > 0 && groupSize > 1 && wireUs > 0);
  const [largest] = sized.toSorted((a, b) => b.bytes - a.bytes);
  if (largest === undefined) return [];
  const { name, bytes, groupSize } = largest;
  const same = sized.filter((one) => one.name === name && one.bytes === bytes);
  const { algbw, busbw } = bandwidths(name, bytes, middle(same.map(({ wireUs }) => wireUs)), groupSize);
  const what = `${name} of ${(bytes / 1e6).toFixed(1)} MB over ${groupSize} ranks, on the wire`;
  return [
    { file, what: `${what}: algbw`, value: Math.round(algbw * 10) / 10, unit: 'GB/s' },
    { file, what: `${what}: busbw`, value: Math.round(busbw * 10) / 10, unit: 'GB/s' },
  ];
}

/** Waiting of a rank that computation does not hide, as a share of its step. */
export function waitShare(facts: TraceFacts, join: RankJoin, index: number): number {
  const { sum } = facts;
  const waits = join.matched.reduce((us, { waitUs }) => us + waitUs[index], 0);
  const exposed = sum.communicationUs === 0 ? 0 : sum.exposedCommunicationUs / sum.communicationUs;
  return Math.min((waits * exposed) / sum.totalUs, sum.exposedCommunicationUs / sum.totalUs);
}
