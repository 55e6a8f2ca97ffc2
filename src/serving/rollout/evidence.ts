import { z } from 'zod';
import { DurationHistogram } from '../../observe/duration-histogram.ts';
import { mergeMoments, NO_MOMENTS } from '../../stats/moments.ts';
import { mergeGroups } from './caller-groups.ts';
import { KeySampler } from './key-sample.ts';

const count = z.number().min(0);
const moments = z.object({ n: count, mean: z.number(), m2: count });

const lane = z.object({
  /** Predictions asked for. */
  requests: count,
  /** Runs that failed, and those that did not end in time: calls of one run fail together. */
  errors: count,
  timeouts: count,
  /** Calls with a score that was no finite number. */
  nonFinite: count,
  outOfRange: count,
  /** Runs slower than the rollout's `slowMs` of that time. */
  slow: count,
  /** Runs while there was a `slowMs`. */
  timed: count,
  /** Durations by bin, and their sum, ms. */
  latency: z.object({ counts: z.array(z.number()), sumMs: z.number() }),
  scores: moments,
  /** Scores by bin: bin, count, bin, count … ascending. */
  bins: z.array(z.number()),
  /** Size and sum of the scores by group of callers; empty where callers are unknown. */
  groups: z.array(z.number()).default([]),
});

const place = z.object({
  kind: z.enum(['online', 'job', 'stream']),
  /** Of a serving process, a batch job or a stream. */
  name: z.string(),
  /** Where the scores of the candidate on copies are kept; null: they are not. */
  output: z.string().nullable().default(null),
  /** Time that a batch job took by each version, ms; null: not measured by this run. */
  computeMs: z.object({ champion: z.number().nullable(), candidate: z.number().nullable() }).nullable().default(null),
  /** Why the comparison ended early; null: it did not. */
  trouble: z.string().nullable().default(null),
});

const votes = z.object({ canary: count, baseline: count });

const blocks = z.object({
  compared: count,
  slow: votes,
  late: votes,
  shadow: z.object({ blocks: count, slow: count }),
});

const NO_BLOCKS: z.infer<typeof blocks> = {
  compared: 0,
  slow: { canary: 0, baseline: 0 },
  late: { canary: 0, baseline: 0 },
  shadow: { blocks: 0, slow: 0 },
};

const evidence = z.object({
  /** Absent in evidence of earlier releases, and in that of all places together. */
  place: place.optional(),
  canary: lane,
  baseline: lane,
  /** The candidate on copies of requests, and the champion on the same ones. */
  shadow: lane,
  shadowed: lane,
  /** Copies offered and dropped, |difference| of the scores, and answers on the other side of one half. */
  copies: z.object({ offered: count, dropped: count, delta: moments, flips: count }),
  /** Newest pairs of scores of champion and candidate. */
  pairs: z.object({ champion: z.array(z.number()), candidate: z.array(z.number()) }),
  keys: z.object({ level: count, canary: z.array(z.number()), baseline: z.array(z.number()) }),
  /** Blocks of time of each process in which the lanes were compared; none in evidence of earlier releases. */
  blocks: blocks.default(() => NO_BLOCKS),
});

/** Counts and moments of one lane. */
export type LaneEvidence = z.infer<typeof lane>;

/** A place where a rollout runs: a serving process, a batch job or a stream. */
export type Place = z.infer<typeof place>;

/** The evidence that one place, or all together, have of a rollout. */
export type Evidence = z.infer<typeof evidence>;

/** The lanes whose outcomes are counted. */
export type CountedLane = 'canary' | 'baseline' | 'shadow' | 'shadowed';

/** Pairs of scores that are kept. */
export const MOST_PAIRS = 512;

const NO_LANE: LaneEvidence = {
  requests: 0,
  errors: 0,
  timeouts: 0,
  nonFinite: 0,
  outOfRange: 0,
  slow: 0,
  timed: 0,
  latency: { counts: [], sumMs: 0 },
  scores: { ...NO_MOMENTS },
  bins: [],
  groups: [],
};

export const NO_EVIDENCE: Evidence = {
  canary: NO_LANE,
  baseline: NO_LANE,
  shadow: NO_LANE,
  shadowed: NO_LANE,
  copies: { offered: 0, dropped: 0, delta: { ...NO_MOMENTS }, flips: 0 },
  pairs: { champion: [], candidate: [] },
  keys: { level: 0, canary: [], baseline: [] },
  blocks: NO_BLOCKS,
};

/** The evidence of a server as a store has it; null: it is of another release. */
export function parseEvidence(value: unknown): Evidence | null {
  return evidence.safeParse(value).data ?? null;
}

/** The evidence of several servers together. */
export function mergeEvidence(all: readonly Evidence[]): Evidence {
  return all.reduce((a, b) => {
    const keys = new KeySampler();
    keys.merge(a.keys);
    keys.merge(b.keys);
    return {
      canary: mergeLanes(a.canary, b.canary),
      baseline: mergeLanes(a.baseline, b.baseline),
      shadow: mergeLanes(a.shadow, b.shadow),
      shadowed: mergeLanes(a.shadowed, b.shadowed),
      copies: {
        offered: a.copies.offered + b.copies.offered,
        dropped: a.copies.dropped + b.copies.dropped,
        delta: mergeMoments(a.copies.delta, b.copies.delta),
        flips: a.copies.flips + b.copies.flips,
      },
      pairs: {
        champion: [...a.pairs.champion, ...b.pairs.champion].slice(-MOST_PAIRS),
        candidate: [...a.pairs.candidate, ...b.pairs.candidate].slice(-MOST_PAIRS),
      },
      keys: mutable(keys.sample()),
      blocks: mergeBlocks(a.blocks, b.blocks),
    };
  }, NO_EVIDENCE);
}

/** The latency of a lane that the given share stayed within, ms; null without any. */
export function latencyOf({ latency }: LaneEvidence, share: number): number | null {
  const histogram = new DurationHistogram();
  histogram.addCounts(latency.counts, latency.sumMs);
  return histogram.percentile(share);
}

function mergeLanes(a: LaneEvidence, b: LaneEvidence): LaneEvidence {
  return {
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    timeouts: a.timeouts + b.timeouts,
    nonFinite: a.nonFinite + b.nonFinite,
    outOfRange: a.outOfRange + b.outOfRange,
    slow: a.slow + b.slow,
    timed: a.timed + b.timed,
    latency: {
      counts: mergeCounts(a.latency.counts, b.latency.counts),
      sumMs: a.latency.sumMs + b.latency.sumMs,
    },
    scores: mergeMoments(a.scores, b.scores),
    bins: mergeCounts(a.bins, b.bins),
    groups: mergeGroups(a.groups, b.groups),
  };
}

function mergeBlocks(a: Evidence['blocks'], b: Evidence['blocks']): Evidence['blocks'] {
  const votesOf = (kind: 'slow' | 'late') => ({
    canary: a[kind].canary + b[kind].canary,
    baseline: a[kind].baseline + b[kind].baseline,
  });
  return {
    compared: a.compared + b.compared,
    slow: votesOf('slow'),
    late: votesOf('late'),
    shadow: { blocks: a.shadow.blocks + b.shadow.blocks, slow: a.shadow.slow + b.shadow.slow },
  };
}

/** Adds counts by bin, ascending. */
function mergeCounts(a: readonly number[], b: readonly number[]): number[] {
  const merged = new Map<number, number>();
  for (const counts of [a, b])
    for (let i = 0; i < counts.length; i += 2) merged.set(counts[i], (merged.get(counts[i]) ?? 0) + counts[i + 1]);
  return [...merged].sort(([x], [y]) => x - y).flat();
}

function mutable({ level, canary, baseline }: ReturnType<KeySampler['sample']>): Evidence['keys'] {
  return { level, canary: [...canary], baseline: [...baseline] };
}
