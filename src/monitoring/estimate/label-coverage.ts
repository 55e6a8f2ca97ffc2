/** One prediction: when its label came after it, or null, and how long it has been watched. Both ms. */
export interface LabelDelay {
  readonly delayMs: number | null;
  readonly ageMs: number;
}

export interface CoverageStep {
  readonly afterMs: number;
  /** Share of predictions whose label has come by then. */
  readonly coverage: number;
}

/**
 * The share labelled after a time by Kaplan and Meier (1958): predictions that are still young count for as long as they
 * were watched. Steps ascend in time; empty without a label.
 */
export function labelCoverage(delays: readonly LabelDelay[]): readonly CoverageStep[] {
  const came = delays.flatMap(({ delayMs, ageMs }) => (delayMs !== null && delayMs <= ageMs ? [delayMs] : []));
  const left = delays.flatMap(({ delayMs, ageMs }) => (delayMs !== null && delayMs <= ageMs ? [] : [ageMs]));
  came.sort((a, b) => a - b);
  left.sort((a, b) => a - b);
  const steps: CoverageStep[] = [];
  let waiting = 1;
  let censored = 0;
  for (let i = 0; i < came.length; ) {
    const at = came[i];
    let to = i;
    while (to < came.length && came[to] === at) to += 1;
    while (censored < left.length && left[censored] < at) censored += 1;
    const atRisk = came.length - i + left.length - censored;
    waiting *= 1 - (to - i) / atRisk;
    steps.push({ afterMs: at, coverage: 1 - waiting });
    i = to;
  }
  return steps;
}

/** Coverage after a time; 0 before the first label. */
export function coverageAfter(steps: readonly CoverageStep[], ms: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (steps[middle].afterMs <= ms) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : steps[low - 1].coverage;
}

export interface Maturity {
  readonly state: 'mature' | 'immature';
  /** Share of the labels that will ever come (within the look-back) that has come. */
  readonly share: number;
}

/** Whether a window of this age has enough of its labels. */
export function maturityOf(
  steps: readonly CoverageStep[],
  ageMs: number,
  lookBackMs: number,
  needed: number,
): Maturity {
  const eventual = coverageAfter(steps, lookBackMs);
  const share = eventual === 0 ? 0 : Math.min(1, coverageAfter(steps, ageMs) / eventual);
  return { state: share >= needed ? 'mature' : 'immature', share };
}

export interface EarlyLabels {
  readonly withinMs: number;
  readonly labelled: number;
  readonly coverage: number;
  /** Share of positives among those that were labelled by then; null: none was. */
  readonly positiveShare: number | null;
}

/** How labels that come early differ from all of them: rows whose watch is over count. */
export function earlyLabels(
  rows: readonly (LabelDelay & { readonly positive: boolean })[],
  withinMs: readonly number[],
): readonly EarlyLabels[] {
  return withinMs.map((within) => {
    const watched = rows.filter(({ ageMs }) => ageMs >= within);
    const labelled = watched.filter(({ delayMs }) => delayMs !== null && delayMs <= within);
    const positives = labelled.reduce((sum, { positive }) => sum + (positive ? 1 : 0), 0);
    return {
      withinMs: within,
      labelled: labelled.length,
      coverage: watched.length === 0 ? 0 : labelled.length / watched.length,
      positiveShare: labelled.length === 0 ? null : positives / labelled.length,
    };
  });
}
