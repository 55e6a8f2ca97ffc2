import { seededRandom } from '../../base/rng.ts';
import { type Parameters, trialParameters } from './search-space.ts';
import type { SweepFile } from './sweep-file.ts';
import { suggest } from './tpe.ts';

/** A result as a search looks at it. */
export interface TrialResult {
  readonly trial: number;
  readonly rung: number;
  readonly loss: number | null;
}

/**
 * The parameters of each trial. `random` and `grid` know them from the start. `tpe` asks when a trial begins: its first trials are those
 * of `random`, and each other one follows from the losses of that moment. The journal has jobs and losses in order, so that a resumed
 * sweep asks at the same moments and gets the same parameters.
 */
export class TrialSource {
  readonly #sweep: SweepFile;
  readonly #drawn: readonly Parameters[];
  readonly #asked = new Map<number, Parameters>();

  constructor(sweep: SweepFile, trials: number) {
    this.#sweep = sweep;
    this.#drawn = trialParameters(sweep, trials);
  }

  of(trial: number): Parameters {
    return this.#asked.get(trial) ?? this.#drawn[trial] ?? {};
  }

  /** A job of a trial begins: chooses its parameters, where no earlier job has. */
  begin(trial: number, results: readonly TrialResult[]): void {
    const { search, startup, seed, parameters } = this.#sweep;
    if (search !== 'tpe' || trial < startup || this.#asked.has(trial)) return;
    const observed = this.#observed(results);
    if (observed.length < startup) return;
    // Each trial has random numbers of its own: those of others may not have begun.
    this.#asked.set(trial, suggest(parameters, observed, seededRandom(seed * 1_000_003 + trial)));
  }

  /** The losses of the highest rung with enough of them: losses of different rungs are not compared (BOHB, Falkner et al. 2018). */
  #observed(results: readonly TrialResult[]) {
    const rungs = [...new Set(results.map(({ rung }) => rung))].sort((a, b) => b - a);
    const enough = rungs.find((rung) => results.filter((one) => one.rung === rung).length >= this.#sweep.startup);
    return results
      .filter(({ rung }) => rung === (enough ?? 0))
      .map(({ trial, loss }) => ({ parameters: this.of(trial), loss: loss ?? Number.NaN }));
  }
}
