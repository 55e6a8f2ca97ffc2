import { setTimeout as sleep } from 'node:timers/promises';
import { isHeadraceError } from '../../base/errors/fail.ts';
import type { Scorer } from '../../registry/scorer.ts';

/** Between two looks at whether a worker is there again, ms. */
const PAUSE_MS = 250;

/** Looks until a model without a worker is given up. */
const MOST_LOOKS = 400;

/** Ends of processes that load a model until it is given up. */
const MOST_ENDS = 4;

/** Opens a model for a job: a process that someone ended while it loaded is started again. Errors: those of `open`. */
export async function openPatiently<T>(open: () => Promise<T>): Promise<T> {
  for (let ends = 1; ; ends += 1)
    try {
      return await open();
    } catch (error) {
      if (!isHeadraceError(error) || error.code !== 'PYTHON_ENDED' || ends >= MOST_ENDS) throw error;
    }
}

/**
 * A scorer for jobs, which wait instead of failing: a run that finds no worker of a Python model is tried again until there is one.
 * Errors: those of the runs; PYTHON_DOWN where no worker comes.
 */
export function patientScorer(scorer: Scorer, pause: () => Promise<unknown> = () => sleep(PAUSE_MS)): Scorer {
  return {
    run: async (rows, count) => {
      for (let looks = 1; ; looks += 1)
        try {
          return await scorer.run(rows, count);
        } catch (error) {
          if (!isHeadraceError(error, 'PYTHON_DOWN') || looks > MOST_LOOKS) throw error;
          await pause();
        }
    },
    close: () => scorer.close(),
  };
}
