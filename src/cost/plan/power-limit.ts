/** A step measured under a power limit of each GPU. */
export interface PowerRun {
  readonly limitW: number;
  readonly stepS: number;
  readonly averageW: number;
}

/** The limit that costs least, next to the highest one that was measured. */
export interface PowerChoice {
  readonly limitW: number;
  readonly highestW: number;
  /** Energy and time of a step by those under the highest limit. */
  readonly energyRatio: number;
  readonly timeRatio: number;
}

/**
 * The power limit with the least cost of energy and time (Zeus, You et al., NSDI 2023): η · energy + (1 − η) · highest power · time.
 * η = 1 counts energy alone, 0 time alone. Null with fewer than two limits.
 */
export function bestPowerLimit(runs: readonly PowerRun[], eta: number): PowerChoice | null {
  const byLimit = runs.toSorted((a, b) => b.limitW - a.limitW);
  const [highest] = byLimit;
  if (highest === undefined || byLimit.at(-1)?.limitW === highest.limitW) return null;
  const costOf = ({ stepS, averageW }: PowerRun) => stepS * (eta * averageW + (1 - eta) * highest.limitW);
  const best = byLimit.reduce((least, one) => (costOf(one) < costOf(least) ? one : least), highest);
  return choiceOf(best, highest);
}

function choiceOf(best: PowerRun, highest: PowerRun): PowerChoice {
  return {
    limitW: best.limitW,
    highestW: highest.limitW,
    energyRatio: (best.stepS * best.averageW) / (highest.stepS * highest.averageW),
    timeRatio: best.stepS / highest.stepS,
  };
}

/**
 * The η at which the cost of Zeus is money: a second of a GPU costs its share of the node, and a joule the price of energy. 0 where
 * energy is part of the price of the node.
 */
export function etaOf(usdPerGpuHour: number, usdPerKwh: number, highestW: number): number {
  const perJoule = usdPerKwh / 3.6e6;
  const perSecond = usdPerGpuHour / 3600;
  return perJoule === 0 ? 0 : perJoule / (perJoule + perSecond / highestW);
}
