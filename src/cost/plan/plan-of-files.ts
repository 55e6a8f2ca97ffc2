import { readProfile } from '../profile/read-profile.ts';
import { readOtherHardware, readTrials } from '../profile/read-trials.ts';
import { simulationCaveats, traceCaveats } from '../spot/spot-report.ts';
import { readSpotTrace } from '../spot/trace/read-spot-trace.ts';
import type { ReadTraceOptions } from '../spot/trace/spot-trace.ts';
import type { Job } from './job.ts';
import { makePlan } from './make-plan.ts';
import type { CostPlan } from './plan.ts';
import { type PlanPricesOptions, readPlanPrices } from './plan-prices.ts';

/** The files of a plan next to its job. */
export interface PlanFiles {
  /** At least one has a measured step. */
  readonly profiles: readonly string[];
  readonly traces: readonly string[];
  readonly traceOptions: ReadTraceOptions;
  /** `technique=profile.json` each. */
  readonly trials: readonly string[];
  readonly prices: Omit<PlanPricesOptions, 'nowMs'>;
  readonly nowMs: number;
  readonly draws: number;
  readonly seed: number;
}

/** Plans a job by files. Errors: COST_NO_PROFILE, those of the files. */
export async function planOfFiles(job: Job, files: PlanFiles): Promise<CostPlan> {
  const { nowMs, draws, seed } = files;
  const profile = await readProfile(files.profiles, job);
  const prices = await readPlanPrices({ ...files.prices, nowMs });
  return makePlan({
    job,
    profile,
    ...prices,
    ...(await tracesOf(files)),
    trials: await readTrials(files.trials, profile),
    otherHardware: await readOtherHardware(files.trials, profile),
    draws,
    seed,
  });
}

async function tracesOf({ traces: paths, traceOptions, nowMs }: PlanFiles) {
  const traces = [];
  for (const path of paths) traces.push(await readSpotTrace(path, traceOptions));
  const caveats = traces.flatMap((trace) => traceCaveats(trace, nowMs));
  return { traces, traceCaveats: traces.length === 0 ? [] : [...caveats, ...simulationCaveats] };
}
