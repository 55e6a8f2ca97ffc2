/** Upper bounds of the buckets of latencies, s. */
export const LATENCY_BOUNDS_S = [
  0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1,
];

/** Upper bounds of the buckets of freshness, s. */
export const FRESHNESS_BOUNDS_S = [0.0001, 0.001, 0.01, 0.05, 0.1, 0.15, 0.5, 1, 5, 60, 900, 3_600, 21_600, 93_600];

/** Upper bounds of the buckets of ages, s. */
export const AGE_BOUNDS_S = [0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400, 604_800];
