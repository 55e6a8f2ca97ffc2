import { fail } from '../../../base/errors/fail.ts';
import { lambertW0 } from './lambert-w.ts';

/** The facts that decide how often to checkpoint. Seconds. */
export interface CheckpointCosts {
  /** Time that training is blocked by one checkpoint; of an asynchronous one the snapshot alone. */
  readonly blockedS: number;
  /** Mean time between losses of the gang. */
  readonly mtbfS: number;
  /** From a loss until work continues: provision, set-up, load. */
  readonly restartS: number;
  /** From the end of the snapshot until it is durable: work of this time is lost as well. */
  readonly persistLagS?: number | undefined;
}

/** The interval by each formula, and the wall time for a second of work at each. Seconds. */
export interface CheckpointInterval {
  readonly exactS: number;
  readonly youngS: number;
  readonly dalyFirstS: number;
  readonly dalyHigherS: number;
  readonly wallOverWork: {
    readonly exact: number;
    readonly young: number;
    readonly dalyFirst: number;
    readonly dalyHigher: number;
  };
}

/**
 * The work between two checkpoints that costs least wall time. Exact: τ* = M·(1 + W0(−e^(−δ/M − 1))), which minimises Daly's
 * complete model; next to it √(2δM) (Young 1974) and Daly's two orders (Daly 2006). Errors: COST_INTERVAL.
 */
export function checkpointInterval(costs: CheckpointCosts): CheckpointInterval {
  const { blockedS, mtbfS, restartS } = checked(costs);
  const ratio = blockedS / (2 * mtbfS);
  const youngS = Math.sqrt(2 * blockedS * mtbfS);
  const dalyFirstS = Math.sqrt(2 * blockedS * (mtbfS + restartS)) - blockedS;
  const dalyHigherS = blockedS < 2 * mtbfS ? youngS * (1 + Math.sqrt(ratio) / 3 + ratio / 9) - blockedS : mtbfS;
  const exactS = mtbfS * (1 + lambertW0(-Math.exp(-blockedS / mtbfS - 1)));
  const at = (intervalS: number) => wallOverWork(costs, intervalS);
  return {
    exactS,
    youngS,
    dalyFirstS,
    dalyHigherS,
    wallOverWork: { exact: at(exactS), young: at(youngS), dalyFirst: at(dalyFirstS), dalyHigher: at(dalyHigherS) },
  };
}

/**
 * Wall time for each second of work: M·e^(R/M)·(e^((τ+δ)/M) − 1)/τ (Daly 2006). A persist lag is lost with each failure, as R is.
 * Infinite for an interval that is not above 0.
 */
export function wallOverWork(costs: CheckpointCosts, intervalS: number): number {
  const { blockedS, mtbfS, restartS, persistLagS = 0 } = costs;
  if (!(intervalS > 0)) return Number.POSITIVE_INFINITY;
  return (mtbfS * Math.exp((restartS + persistLagS) / mtbfS) * Math.expm1((intervalS + blockedS) / mtbfS)) / intervalS;
}

/** A point of the curve from checkpoints that are too frequent to those that are too rare. */
export interface CurvePoint {
  readonly intervalS: number;
  readonly wallOverWork: number;
}

/** The curve goes from this part of the best interval to as many times it. */
const CURVE_WIDTH = 16;
const CURVE_POINTS = 49;

/** Wall time for a second of work at intervals around the best one, evenly apart by their logarithm. Errors: COST_INTERVAL. */
export function checkpointCurve(costs: CheckpointCosts): readonly CurvePoint[] {
  const { exactS } = checkpointInterval(costs);
  return Array.from({ length: CURVE_POINTS }, (_, i) => {
    const intervalS = exactS * CURVE_WIDTH ** ((2 * i) / (CURVE_POINTS - 1) - 1);
    return { intervalS, wallOverWork: wallOverWork(costs, intervalS) };
  });
}

function checked(costs: CheckpointCosts): CheckpointCosts {
  const { blockedS, mtbfS, restartS, persistLagS = 0 } = costs;
  for (const [name, value, least] of [
    ['blocked time', blockedS, Number.MIN_VALUE],
    ['mean time between losses', mtbfS, Number.MIN_VALUE],
    ['restart time', restartS, 0],
    ['persist lag', persistLagS, 0],
  ] as const)
    if (!Number.isFinite(value) || value < least) throw fail('COST_INTERVAL', { name, value });
  return costs;
}
