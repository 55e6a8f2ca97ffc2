import { medianOf } from '../analysis/statistics.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import { type FindingDraft, noMeasurement } from '../finding.ts';
import { looksSampled, ms, percent } from '../rules/rule.ts';
import { bandwidths, joinedStepUs, joinedUs, type MatchedCollective, type RankJoin } from './ranks.ts';

/** A rank is late if it causes this share of the waiting, or this many times its share by chance. */
const LATE_FROM = 0.6;
const LATE_BY_CHANCE = 1.4;
const WAIT_FROM = 0.05;

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

/** The share of its step that a rank waits for others, whoever they are. */
function waitingShare(facts: readonly TraceFacts[], join: RankJoin, rank: number): number {
  return join.matched.reduce((us, one) => us + one.exposedWaitUs[rank], 0) / joinedUs(facts[rank], join);
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
    waitingShare: waitingShare(facts, join, one.victim),
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
    mechanism: 'late-rank',
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
    waitingShare: waitingShare(facts, join, one.victim),
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
