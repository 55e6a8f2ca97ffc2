import type { RolloutPlan } from '../../features/define/rollout.ts';
import { DurationHistogram } from '../../observe/duration-histogram.ts';
import { CallerGroups } from './caller-groups.ts';
import { type CountedLane, type Evidence, type LaneEvidence, MOST_PAIRS } from './evidence.ts';
import { KeySampler } from './key-sample.ts';
import { LoadBlocks } from './load-blocks.ts';
import { scoreBin } from './score-bin.ts';

/** The outcome of one prediction. */
export type Outcome = 'scored' | 'error' | 'timeout' | 'nonFinite';

/** A call as it is counted. */
export interface CountedCall {
  /** Predictions that it asked for: 1 where it is left out. */
  readonly rows?: number;
  /** null: it was not measured by itself. */
  readonly latencyMs: number | null;
  /** Names the run that it shared with others; its own where it is left out. */
  readonly turn?: number;
}

export interface CounterOptions {
  readonly task: 'binary' | 'regression';
  readonly range: RolloutPlan['guardrails']['range'];
  readonly monotonic: () => number;
}

/** Counts what one server sees of one rollout. Hot path: no allocation for a prediction but that of a new bin or key. */
export class EvidenceCounter {
  readonly #options: CounterOptions;
  readonly #lanes: Readonly<Record<CountedLane, LaneCounter>>;
  readonly #keys = new KeySampler();
  readonly #delta = new RunningMoments();
  readonly #champion: number[] = [];
  readonly #candidate: number[] = [];
  readonly #blocks: LoadBlocks;
  #offered = 0;
  #dropped = 0;
  #flips = 0;
  /** Predictions that take longer count as slow, ms; null: none does. */
  slowMs: number | null = null;

  constructor(options: CounterOptions) {
    this.#options = options;
    this.#blocks = new LoadBlocks(options.monotonic);
    const lane = () => new LaneCounter();
    this.#lanes = { canary: lane(), baseline: lane(), shadow: lane(), shadowed: lane() };
  }

  /**
   * Counts a call of one lane, of `rows` predictions that took `latencyMs` together. Calls of one `turn` share a run: they
   * are slow, late or wrong together, which is one event. The tests take events as independent.
   */
  call(lane: CountedLane, outcome: Outcome, { rows = 1, latencyMs, turn }: CountedCall): void {
    const counter = this.#lanes[lane];
    counter.requests += rows;
    // By runs: the calls of a burst, which share a few long ones, would be most of a median by calls.
    if (latencyMs !== null && counter.isFirstOf('run', turn)) counter.latency.add(latencyMs);
    if (outcome === 'nonFinite') counter.nonFinite += 1;
    if (outcome === 'error' && counter.isFirstOf('error', turn)) counter.errors += 1;
    if (outcome === 'timeout' && counter.isFirstOf('timeout', turn)) counter.timeouts += 1;
    const isSlow = this.slowMs === null || latencyMs === null ? null : latencyMs > this.slowMs;
    if (lane !== 'shadowed') this.#blocks.add(lane, { rows, isSlow, isLate: outcome === 'timeout', turn });
    if (isSlow === null) return;
    if (counter.isFirstOf('timed', turn)) counter.timed += 1;
    if (isSlow && counter.isFirstOf('slow', turn)) counter.slow += 1;
  }

  /** Counts the score of a prediction of one lane. `group`: its caller's; null: unknown. */
  score(lane: CountedLane, score: number, group: number | null = null): void {
    const { range, task } = this.#options;
    const counter = this.#lanes[lane];
    if (range !== null && (score < range[0] || score > range[1])) counter.outOfRange += 1;
    counter.scores.add(score);
    counter.groups.add(group, score);
    const bin = scoreBin(score, task);
    counter.bins.set(bin, (counter.bins.get(bin) ?? 0) + 1);
  }

  key(cohort: 'canary' | 'baseline', key: string): void {
    this.#keys.add(cohort, key);
  }

  /** Counts copies that were offered to the shadow, and those of them that it had no room for. */
  copies(offered: number, dropped: number): void {
    this.#offered += offered;
    this.#dropped += dropped;
  }

  /** Counts the two scores of one copied request. */
  pair(champion: number, candidate: number): void {
    this.#delta.add(Math.abs(candidate - champion));
    if (this.#options.task === 'binary' && candidate >= 0.5 !== champion >= 0.5) this.#flips += 1;
    this.#champion.push(champion);
    this.#candidate.push(candidate);
    if (this.#champion.length < 2 * MOST_PAIRS) return;
    this.#champion.splice(0, MOST_PAIRS);
    this.#candidate.splice(0, MOST_PAIRS);
  }

  evidence(): Evidence {
    const { level, canary, baseline } = this.#keys.sample();
    return {
      canary: this.#lanes.canary.evidence(),
      baseline: this.#lanes.baseline.evidence(),
      shadow: this.#lanes.shadow.evidence(),
      shadowed: this.#lanes.shadowed.evidence(),
      copies: {
        offered: this.#offered,
        dropped: this.#dropped,
        delta: this.#delta.moments(),
        flips: this.#flips,
      },
      pairs: { champion: this.#champion.slice(-MOST_PAIRS), candidate: this.#candidate.slice(-MOST_PAIRS) },
      keys: { level, canary: [...canary], baseline: [...baseline] },
      blocks: this.#blocks.counts(),
    };
  }
}

class RunningMoments {
  n = 0;
  mean = 0;
  m2 = 0;

  add(value: number): void {
    this.n += 1;
    const delta = value - this.mean;
    this.mean += delta / this.n;
    this.m2 += delta * (value - this.mean);
  }

  moments(): { n: number; mean: number; m2: number } {
    return { n: this.n, mean: this.mean, m2: this.m2 };
  }
}

class LaneCounter {
  readonly #turns = {
    error: Number.NaN,
    timeout: Number.NaN,
    timed: Number.NaN,
    slow: Number.NaN,
    run: Number.NaN,
  };
  requests = 0;
  errors = 0;
  timeouts = 0;
  nonFinite = 0;
  outOfRange = 0;
  slow = 0;
  timed = 0;
  readonly latency = new DurationHistogram();
  readonly scores = new RunningMoments();
  readonly bins = new Map<number, number>();
  readonly groups = new CallerGroups();

  /** Whether a turn has no such event yet. */
  isFirstOf(event: 'error' | 'timeout' | 'timed' | 'slow' | 'run', turn: number | undefined): boolean {
    if (turn !== undefined && this.#turns[event] === turn) return false;
    this.#turns[event] = turn ?? Number.NaN;
    return true;
  }

  evidence(): LaneEvidence {
    const { requests, errors, timeouts, nonFinite, outOfRange, slow, timed } = this;
    return {
      requests,
      errors,
      timeouts,
      nonFinite,
      outOfRange,
      slow,
      timed,
      latency: { counts: [...this.latency.counts()], sumMs: this.latency.sumMs },
      scores: this.scores.moments(),
      bins: [...this.bins].sort(([a], [b]) => a - b).flat(),
      groups: this.groups.sums(),
    };
  }
}
