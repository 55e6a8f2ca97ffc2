import { fail } from '../../base/errors/fail.ts';
import { fitPowerLaw, LEAST_SIZES, type PowerLawFit, type SizedValue } from '../../stats/power-law.ts';
import { runSweep, type SweepOptions } from './run-sweep.ts';

export interface ScaledLoss {
  /** Losses of full trials by size. */
  readonly points: readonly SizedValue[];
  readonly fit: PowerLawFit;
}

/**
 * Trains a sweep of one parameter, a size, in full at each of its values, and fits a power law to the losses. Errors: SWEEP_FILE, those of
 * the sweep; SWEEP_STOPPED.
 */
export async function scaleSweep(options: SweepOptions): Promise<ScaledLoss> {
  const { sweep } = options;
  const [parameter, ...others] = Object.entries(sweep.parameters);
  const wrong = (reason: string) => fail('SWEEP_FILE', { member: 'parameters', reason });
  if (parameter === undefined || others.length > 0) throw wrong('a scaling has one parameter, the size');
  const [name, values] = parameter;
  if (!('values' in values) || !values.values.every((value) => typeof value === 'number' && value > 0))
    throw wrong(`${name} needs values above 0`);
  if (new Set(values.values).size < LEAST_SIZES) throw wrong(`${name} needs ${LEAST_SIZES} sizes`);
  const full = { ...sweep, search: 'grid' as const, scheduler: { kind: 'full' as const } };
  const outcome = await runSweep({ ...options, sweep: full });
  if (outcome.state === 'cancelled') throw fail('SWEEP_STOPPED', { jobs: outcome.results.length });
  const points = outcome.results
    .flatMap(({ loss, parameters }) => (loss === null ? [] : [{ size: Number(parameters[name]), value: loss }]))
    .sort((a, b) => a.size - b.size);
  return { points, fit: fitPowerLaw(points) };
}
