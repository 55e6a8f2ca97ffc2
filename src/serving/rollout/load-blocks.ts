/** Blocks in which one lane did worse than the other under about the same load. */
export interface BlockVotes {
  readonly canary: number;
  readonly baseline: number;
}

/** The blocks of one process: compared ones, those with slow runs, those with late ones, and those of the shadow alone. */
export interface LoadBlockCounts {
  readonly compared: number;
  readonly slow: BlockVotes;
  readonly late: BlockVotes;
  /** Of the candidate on copies: in a slow block most of its runs were slow. */
  readonly shadow: { readonly blocks: number; readonly slow: number };
}

/** Least time of a block, ms. Runs of one block are under the same load of the machine. */
const BLOCK_MS = 100;

/** Runs of a lane that one block compares; more are not looked at. */
const MOST_RUNS = 64;

/** Two runs, or the lanes of a block, have about as many rows up to this ratio: callers of one lane come in bursts too. */
const MOST_LOAD = 1.25;

/** A run of a lane, whose calls share a turn. */
export interface BlockRun {
  readonly rows: number;
  /** null: it was not timed. */
  readonly isSlow: boolean | null;
  readonly isLate: boolean;
  readonly turn: number | undefined;
}

/**
 * Compares canary and baseline in short blocks of time. A burst of load slows both lanes, makes many slow runs at once, and may come
 * from the callers of one lane. So each block has one vote, whatever its number of runs: the lane of which more runs were slow, among
 * pairs of runs with about as many rows. The vote of a lane to which more came than usual does not count. Of equal versions
 * either lane has the vote as often. A block ends when it has runs of both lanes. Hot path: allocates nothing for a run.
 */
export class LoadBlocks {
  readonly #monotonic: () => number;
  readonly #lanes = { canary: new BlockLane(), baseline: new BlockLane(), shadow: new BlockLane() };
  #startedAt = Number.NaN;
  #shadowAt = Number.NaN;
  /** Predictions of the blocks before. */
  readonly #rows = { canary: 0, baseline: 0 };
  readonly #counts = {
    compared: 0,
    slow: { canary: 0, baseline: 0 },
    late: { canary: 0, baseline: 0 },
    shadow: { blocks: 0, slow: 0 },
  };

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  add(lane: 'canary' | 'baseline' | 'shadow', run: BlockRun): void {
    const now = this.#monotonic();
    if (lane === 'shadow') this.#endShadow(now);
    else this.#end(now);
    this.#lanes[lane].add(run);
  }

  counts(): LoadBlockCounts {
    const { compared, slow, late, shadow } = this.#counts;
    return { compared, slow: { ...slow }, late: { ...late }, shadow: { ...shadow } };
  }

  #end(now: number): void {
    const { canary, baseline } = this.#lanes;
    if (Number.isNaN(this.#startedAt)) this.#startedAt = now;
    if (now - this.#startedAt < BLOCK_MS || canary.runs === 0 || baseline.runs === 0) return;
    this.#counts.compared += 1;
    const usual = this.#rows.baseline === 0 ? 1 : this.#rows.canary / this.#rows.baseline;
    const { slow, late } = worseOf(canary, baseline, usual);
    if (slow !== null) this.#counts.slow[slow] += 1;
    if (late !== null) this.#counts.late[late] += 1;
    this.#rows.canary += canary.rows;
    this.#rows.baseline += baseline.rows;
    canary.clear();
    baseline.clear();
    this.#startedAt = now;
  }

  #endShadow(now: number): void {
    const { shadow } = this.#lanes;
    if (Number.isNaN(this.#shadowAt)) this.#shadowAt = now;
    if (now - this.#shadowAt < BLOCK_MS || shadow.runs === 0) return;
    const { timed, slow } = shadow.times();
    this.#counts.shadow.blocks += timed > 0 ? 1 : 0;
    this.#counts.shadow.slow += 2 * slow > timed ? 1 : 0;
    shadow.clear();
    this.#shadowAt = now;
  }
}

/**
 * The lane that did worse in a block, by pairs of runs of about as many rows; null: neither, or more came to it than usual. `usual`:
 * rows of the canary to one of the baseline.
 */
function worseOf(
  canary: BlockLane,
  baseline: BlockLane,
  usual: number,
): Readonly<Record<'slow' | 'late', 'canary' | 'baseline' | null>> {
  const more = { slow: 0, late: 0 };
  for (const { own, other } of canary.pairsWith(baseline)) {
    more.slow += (own & SLOW) - (other & SLOW);
    more.late += ((own & LATE) - (other & LATE)) / LATE;
  }
  const isBusier = {
    canary: canary.rows > MOST_LOAD * Math.max(1, usual) * baseline.rows + 1,
    baseline: baseline.rows > MOST_LOAD * Math.max(1, 1 / usual) * canary.rows + 1,
  };
  const vote = (kind: 'slow' | 'late') => {
    const worse = more[kind] > 0 ? 'canary' : 'baseline';
    return more[kind] === 0 || isBusier[worse] ? null : worse;
  };
  return { slow: vote('slow'), late: vote('late') };
}

const SLOW = 1;
const LATE = 2;
const TIMED = 4;
const USED = 8;

/** The runs of one lane in one block, in their order. */
class BlockLane {
  readonly #flags = new Uint8Array(MOST_RUNS);
  readonly #rows = new Uint32Array(MOST_RUNS);
  #turn = Number.NaN;
  runs = 0;
  rows = 0;

  add({ rows, isSlow, isLate, turn }: BlockRun): void {
    this.rows += rows;
    if (turn === undefined || turn !== this.#turn) {
      if (this.runs === MOST_RUNS) return;
      this.#turn = turn ?? Number.NaN;
      this.#flags[this.runs] = 0;
      this.#rows[this.runs] = 0;
      this.runs += 1;
    }
    this.#rows[this.runs - 1] += rows;
    this.#flags[this.runs - 1] |= (isSlow === true ? SLOW : 0) | (isLate ? LATE : 0) | (isSlow === null ? 0 : TIMED);
  }

  /** Flags of runs of both lanes that have about as many rows; each run is in one pair at most. */
  *pairsWith(lane: BlockLane): Generator<{ readonly own: number; readonly other: number }> {
    for (let i = 0; i < this.runs; i += 1) {
      for (let j = 0; j < lane.runs; j += 1) {
        const [rows, others] = [this.#rows[i], lane.#rows[j]];
        if ((lane.#flags[j] & USED) !== 0 || Math.max(rows, others) > MOST_LOAD * Math.min(rows, others) + 1) continue;
        lane.#flags[j] |= USED;
        yield { own: this.#flags[i], other: lane.#flags[j] };
        break;
      }
    }
  }

  /** How many runs were timed, and how many of them were slow. */
  times(): { readonly timed: number; readonly slow: number } {
    const flags = this.#flags.subarray(0, this.runs);
    const count = (flag: number) => flags.reduce((found, one) => found + ((one & flag) === 0 ? 0 : 1), 0);
    return { timed: count(TIMED), slow: count(SLOW) };
  }

  clear(): void {
    this.runs = 0;
    this.rows = 0;
    this.#turn = Number.NaN;
  }
}
