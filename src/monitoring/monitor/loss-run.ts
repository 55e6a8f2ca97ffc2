import { changePoint } from '../../stats/change-point.ts';
import { type Moments, NO_MOMENTS, withValue } from '../../stats/moments.ts';

/** Losses after a change that say whether it is a rise. */
const AFTER = 100;

/** Blocks of losses; beyond them two become one. */
const MOST_BLOCKS = 4096;

interface Block {
  /** Instant of its first loss, epoch ms. */
  readonly at: number;
  n: number;
  sum: number;
}

/**
 * Losses since the last change, in bounded memory: sums of blocks that grow with their number, the newest losses, and the moments
 * of all before them. Plain data, so that a copy is a clone.
 */
export interface LossRun {
  /** Losses of a whole block. */
  size: number;
  blocks: Block[];
  /** The newest `AFTER` + 1 losses, oldest first. */
  newest: number[];
  first: number;
  before: Moments;
}

export function newRun(): LossRun {
  return { size: 1, blocks: [], newest: [], first: 0, before: NO_MOMENTS };
}

/** Adds a loss. Losses come in the order of their predictions. */
export function addLoss(run: LossRun, at: number, loss: number): void {
  if (run.blocks.length === 0) run.first = loss;
  const last = run.blocks.at(-1);
  if (last !== undefined && last.n < run.size) {
    last.n += 1;
    last.sum += loss;
  } else {
    if (run.blocks.length === MOST_BLOCKS) halve(run);
    run.blocks.push({ at, n: 1, sum: loss });
  }
  run.newest.push(loss);
  if (run.newest.length <= AFTER + 1) return;
  const leaving = run.newest.shift();
  if (leaving !== undefined) run.before = withValue(run.before, leaving);
}

/** The losses before the newest, the mean of the newest, and where the mean changed between. */
export function changeOf(run: LossRun): {
  readonly before: Moments;
  readonly after: number;
  readonly beganAt: number;
} {
  const before = run.before.n > 0 ? run.before : withValue(NO_MOMENTS, run.first);
  const after = run.newest.reduce((sum, loss) => sum + loss, 0) / Math.max(1, run.newest.length);
  const cut = changePoint(run.blocks) ?? 0;
  return { before, after, beganAt: run.blocks[cut]?.at ?? 0 };
}

function halve(run: LossRun): void {
  const halves: Block[] = [];
  for (let i = 0; i < run.blocks.length; i += 2) {
    const [a, b] = [run.blocks[i], run.blocks[i + 1]];
    halves.push(b === undefined ? a : { at: a.at, n: a.n + b.n, sum: a.sum + b.sum });
  }
  run.blocks = halves;
  run.size *= 2;
}
