/** One replay of recorded up periods at an interval. */
export interface Replay {
  readonly intervalS: number;
  /** Up time for each second of work that was saved; infinite where nothing was. */
  readonly wallOverWork: number;
}

/** A replay's fixed facts: up periods and costs in seconds. */
export interface ReplayCosts {
  readonly upS: readonly number[];
  readonly blockedS: number;
  readonly restartS: number;
  readonly persistLagS?: number | undefined;
}

/**
 * Replays checkpoints over recorded up periods: each loses the restart, then saves whole intervals; a checkpoint that is not durable
 * when the period ends saves nothing.
 */
export function replayInterval({ upS, blockedS, restartS, persistLagS = 0 }: ReplayCosts, intervalS: number): Replay {
  let [up, saved] = [0, 0];
  for (const length of upS) {
    up += length;
    const usable = length - restartS - persistLagS;
    if (usable > 0) saved += Math.floor(usable / (intervalS + blockedS)) * intervalS;
  }
  return { intervalS, wallOverWork: saved > 0 ? up / saved : Number.POSITIVE_INFINITY };
}

/** The best interval of a replay, on a grid of 10 s up to the longest up period. */
export function bestReplay(costs: ReplayCosts, gridS = 10): Replay {
  const longest = costs.upS.reduce((most, one) => Math.max(most, one), 0);
  let best = replayInterval(costs, gridS);
  for (let intervalS = 2 * gridS; intervalS <= longest; intervalS += gridS) {
    const one = replayInterval(costs, intervalS);
    if (one.wallOverWork < best.wallOverWork) best = one;
  }
  return best;
}
