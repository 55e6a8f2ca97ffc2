import type { Detector } from '../../stats/detectors/detector.ts';
import type { Moments } from '../../stats/moments.ts';
import { addLoss, changeOf, type LossRun, newRun } from './loss-run.ts';

/** A change of the loss that a detector found. */
export interface LossChange {
  /** Instant of the loss at which it was found, epoch ms. */
  readonly at: number;
  /** When it began: the cut of the losses since the last change. */
  readonly beganAt: number;
  /** The losses before it. */
  readonly before: Moments;
  readonly isRise: boolean;
}

/** Makes a detector of losses on a scale from 0 to 1 that suits the first ones. */
export type DetectorOf = (first: readonly number[]) => Detector;

/** First losses that a detector and its scale are made for. */
export const FIRST_LOSSES = 10_000;

/** Changes that are kept. */
const MOST_CHANGES = 1000;

/**
 * Watches the losses of a version in the order of its predictions, in bounded memory: the first losses until the detector is
 * made for them, then its state alone.
 */
export interface LossWatch {
  add(at: number, loss: number): void;
  /** The changes so far, oldest first. */
  changes(): readonly LossChange[];
  /** One in the same state, which is independent from here on. */
  copy(): LossWatch;
  /** Numbers that it holds. */
  size(): number;
}

interface First {
  readonly at: number;
  readonly loss: number;
}

interface Following {
  readonly scale: number;
  readonly detector: Detector;
  run: LossRun;
  changes: readonly LossChange[];
}

export function lossWatch(detectorOf: DetectorOf): LossWatch {
  return watchOf(detectorOf, [], null);
}

function watchOf(detectorOf: DetectorOf, first: readonly First[], known: Following | null): LossWatch {
  let waiting = [...first];
  let following = known;
  return {
    add: (at, loss) => {
      if (following !== null) follow(following, at, loss);
      else if (waiting.push({ at, loss }) === FIRST_LOSSES) {
        following = followingOf(detectorOf, waiting);
        waiting = [];
      }
    },
    changes: () => (following ?? followingOf(detectorOf, waiting)).changes,
    copy: () => watchOf(detectorOf, waiting, following === null ? null : copyOf(following)),
    size: () => 2 * waiting.length + (following === null ? 0 : sizeOf(following)),
  };
}

function followingOf(detectorOf: DetectorOf, first: readonly First[]): Following {
  const losses = first.map(({ loss }) => loss);
  const scale = scaleOf(losses);
  const scaled = losses.map((loss) => Math.min(1, loss / scale));
  const following: Following = { scale, detector: detectorOf(scaled), run: newRun(), changes: [] };
  for (const { at, loss } of first) follow(following, at, loss);
  return following;
}

function follow(following: Following, at: number, loss: number): void {
  addLoss(following.run, at, loss);
  if (following.detector.update(Math.min(1, loss / following.scale)) !== 'drift') return;
  const { before, after, beganAt } = changeOf(following.run);
  const change = { at, beganAt, before, isRise: after > before.mean };
  following.changes = [...following.changes.slice(1 - MOST_CHANGES), change];
  following.run = newRun();
}

function copyOf({ scale, detector, run, changes }: Following): Following {
  return { scale, detector: detector.copy(), run: structuredClone(run), changes };
}

function sizeOf({ run, changes }: Following): number {
  return 3 * run.blocks.length + run.newest.length + 6 * changes.length;
}

/** Detectors take values from 0 to 1: losses beyond the 99 % quantile of the first ones count as it. */
function scaleOf(losses: readonly number[]): number {
  if (losses.length === 0) return 1;
  const sorted = Float64Array.from(losses).sort();
  return Math.max(1e-12, sorted[Math.floor(0.99 * (sorted.length - 1))]);
}
