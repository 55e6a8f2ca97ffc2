/** Counters of one GPU at one time, as shares from 0 to 1; NaN where one is missing. */
export interface CounterShares {
  /** GPU_UTIL: the share of the time in which any kernel ran. */
  readonly util: number;
  /** GR_ENGINE_ACTIVE. */
  readonly engine: number;
  /** SM_ACTIVE: of the time and of the SMs. */
  readonly sm: number;
  readonly tensor: number;
  readonly dram: number;
}
export type CounterName = keyof CounterShares;

/** The names of the counters in reports. */
const counterTexts: Readonly<Record<CounterName, string>> = {
  util: 'GPU_UTIL',
  engine: 'the engine',
  sm: 'the SMs',
  tensor: 'the Tensor Cores',
  dram: 'DRAM',
};

/** Two counters that cannot both be right. */
export interface Contradiction {
  readonly high: CounterName;
  readonly low: CounterName;
}

/** One of so much is "active"; the other one below is "not". The lowest SM share of a running kernel is one SM of 148. */
const IS_ACTIVE = 0.5;
const TENSOR_ACTIVE = 0.2;
const NOT_ACTIVE = 0.2;
const NO_SM = 0.004;
/** Windows of the counters differ: a part may be so much above its whole. */
const TOLERANCE = 0.15;

/**
 * Each row: while `high` is active, `low` cannot be below the bound. A kernel that runs keeps the engine active; SMs are
 * active inside of kernels, Tensor Cores inside of SMs; and Tensor Cores and DRAM are not fed by an idle GPU.
 */
const rules: readonly (readonly [CounterName, CounterName, (high: number) => number])[] = [
  ['util', 'engine', (high) => above(high, IS_ACTIVE, NOT_ACTIVE)],
  ['util', 'sm', (high) => above(high, IS_ACTIVE, NO_SM)],
  ['engine', 'sm', (high) => above(high, IS_ACTIVE, NO_SM)],
  ['engine', 'util', (high) => above(high, IS_ACTIVE, NOT_ACTIVE)],
  ['sm', 'util', (high) => above(high, IS_ACTIVE, NOT_ACTIVE)],
  ['tensor', 'util', (high) => above(high, TENSOR_ACTIVE, 0.5 * high)],
  ['dram', 'util', (high) => above(high, IS_ACTIVE, NOT_ACTIVE)],
  ['sm', 'engine', (high) => high - TOLERANCE],
  ['tensor', 'engine', (high) => high - TOLERANCE],
  ['dram', 'engine', (high) => above(high, IS_ACTIVE, NOT_ACTIVE)],
  ['tensor', 'sm', (high) => high - TOLERANCE],
  ['dram', 'sm', (high) => above(high, IS_ACTIVE, NO_SM)],
  ['tensor', 'dram', (high) => above(high, TENSOR_ACTIVE, 1e-9)],
];

function above(value: number, from: number, bound: number): number {
  return value >= from ? bound : Number.NEGATIVE_INFINITY;
}

/** The pairs of counters that contradict each other. */
export function contradictions(counters: CounterShares): readonly Contradiction[] {
  return rules
    .filter(([high, low, bound]) => counters[low] < bound(counters[high]))
    .map(([high, low]) => ({ high, low }));
}

/** The contradictions in a clause; undefined if the counters agree. */
export function contradictionText(counters: CounterShares): string | undefined {
  const found = contradictions(counters);
  if (found.length === 0) return undefined;
  const share = (name: CounterName) =>
    name === 'util'
      ? `GPU_UTIL is ${shareText(counters.util)}`
      : `${counterTexts[name]} active ${shareText(counters[name])} of the time`;
  const pairs = found.map(({ high, low }) => `${share(high)} while ${share(low)}`);
  return `${pairs.join('; ')}: the counters disagree, no conclusion is drawn from them`;
}

/** So active is a busy GPU; one of Tensor Cores and DRAM is the limit of a kernel that is near a peak. */
const BUSY_FROM = 0.8;
const PIPE_BUSY_FROM = 0.5;

/** Which counter does not show a busy GPU, or is missing for it; undefined if all that are there do. */
export function notBusyText({ util, engine, sm, tensor, dram }: CounterShares): string | undefined {
  for (const [name, value] of Object.entries({ util, engine, sm }) as [CounterName, number][])
    if (value < BUSY_FROM)
      return `${name === 'util' ? 'GPU_UTIL is' : `${counterTexts[name]} active`} ${shareText(value)}`;
  const pipe = Number.isNaN(tensor) ? dram : Number.isNaN(dram) ? tensor : Math.max(tensor, dram);
  if (pipe < PIPE_BUSY_FROM) return `neither Tensor Cores nor DRAM active more than ${shareText(pipe)} of the time`;
  if (Number.isNaN(engine) && Number.isNaN(sm) && Number.isNaN(pipe))
    return Number.isNaN(util) ? 'no counter of activity' : 'GPU_UTIL alone, which says only that some kernel ran';
  return undefined;
}

function shareText(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
