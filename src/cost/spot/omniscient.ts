// Hot path: a dynamic programme over ticks, states and slack.

/** A job and a window for the bound; whole seconds. */
export interface OmniscientOptions {
  readonly counts: Uint16Array;
  readonly from: number;
  readonly nodes: number;
  readonly workS: number;
  readonly deadlineS: number;
  readonly gapS: number;
  readonly changeoverS: number;
  /** Cost of a tick of the whole gang. */
  readonly spotTickCost: number;
  readonly onDemandTickCost: number;
}

/**
 * The least cost of any policy that knows the whole window: minimise Σ cost with s ≤ a, s + v ≤ 1 and
 * g·Σ(s + v) ≥ C + d·starts (s, v: ticks on spot and on demand). Solved over the slack that is left, in units of gcd(g, d): an idle tick costs
 * g of slack, a start costs d. Null where no policy can finish in time.
 */
export function omniscientCost(options: OmniscientOptions): number | null {
  const { counts, from, nodes, gapS, changeoverS, spotTickCost, onDemandTickCost } = options;
  const ticks = Math.min(Math.floor(options.deadlineS / gapS), counts.length - from);
  const unit = greatestCommonDivisor(gapS, changeoverS);
  const slack = ticks * (gapS / unit) - Math.ceil(options.workS / unit);
  if (slack < 0) return null;
  const idleCost = gapS / unit;
  const startCost = changeoverS / unit;
  const width = slack + 1;
  const none = Number.POSITIVE_INFINITY;
  // Beyond the slack that there is, nothing can be reached: the padding saves a test of bounds.
  const padded = width + Math.max(idleCost, startCost);
  let [idle, spot, demand] = [filled(padded, none), filled(padded, none), filled(padded, none)];
  let [nextIdle, nextSpot, nextDemand] = [filled(padded, none), filled(padded, none), filled(padded, none)];
  idle[slack] = 0;
  for (let tick = 0; tick < ticks; tick += 1) {
    const has = (counts[from + tick] ?? 0) >= nodes;
    for (let left = 0; left < width; left += 1) {
      const start = left + startCost;
      const fromIdle = idle[start];
      nextIdle[left] = Math.min(idle[left + idleCost], spot[left + idleCost], demand[left + idleCost]);
      nextDemand[left] = Math.min(demand[left], fromIdle, spot[start]) + onDemandTickCost;
      nextSpot[left] = has ? Math.min(spot[left], fromIdle, demand[start]) + spotTickCost : none;
    }
    [idle, nextIdle, spot, nextSpot, demand, nextDemand] = [nextIdle, idle, nextSpot, spot, nextDemand, demand];
  }
  let best = none;
  for (let left = 0; left < width; left += 1) best = Math.min(best, idle[left], spot[left], demand[left]);
  return best === none ? null : best;
}

function filled(length: number, value: number): Float64Array {
  return new Float64Array(length).fill(value);
}

/** The greatest common divisor of two whole numbers; of 0 and n it is n. */
function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
