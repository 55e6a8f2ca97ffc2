import { setTimeout as sleep } from 'node:timers/promises';
import { isHeadraceError } from '../../base/errors/fail.ts';
import type { ModelRows } from '../../model/model-rows.ts';
import type { RowInputs } from '../../model/row-inputs.ts';

/** A loaded model that a job runs; its runs answer results of one kind. */
interface JobScorer<R> {
  readonly inputs: RowInputs;
  run(rows: ModelRows): Promise<R>;
  close(): Promise<void>;
}

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
export function patientScorer<R>(
  scorer: JobScorer<R>,
  pause: () => Promise<unknown> = () => sleep(PAUSE_MS),
): JobScorer<R> {
  return {
    inputs: scorer.inputs,
    run: async (rows) => {
      for (let looks = 1; ; looks += 1)
        try {
          return await scorer.run(rows);
        } catch (error) {
          if (!isHeadraceError(error, 'PYTHON_DOWN') || looks > MOST_LOOKS) throw error;
          await pause();
        }
    },
    close: () => scorer.close(),
  };
}
