import type { ModelData } from '../../features/define/declaration.ts';
import { BinaryOutcomes } from './binary-outcomes.ts';
import type { JoinedPrediction, JudgedPrediction } from './label-join.ts';
import type { Outcomes, Qualities, Task } from './quality.ts';
import { RegressionOutcomes } from './regression-outcomes.ts';

const DAY_MS = 86_400_000;

/** Days that are kept. */
const KEPT_DAYS = 400;

/** The measure of a model's quality. */
export interface MeasuredModel<T extends Task = Task> extends Pick<ModelData, 'quantile'> {
  readonly task: T;
}

/** How judged predictions are collected, by task. */
const OUTCOMES: { readonly [T in Task]: (model: MeasuredModel) => Outcomes<T> } = {
  binary: () => new BinaryOutcomes(),
  regression: ({ quantile }) => new RegressionOutcomes(quantile),
};

/** Predictions of one day by one version, and the judged ones among them. */
interface VersionDay<T extends Task> {
  predictions: number;
  assumed: number;
  unlabelled: number;
  readonly outcomes: Outcomes<T>;
}

/** Scores of a model that are kept one by one, of all days: nine bytes each, twice that while they grow. */
const MOST_ROWS = 2_000_000;

/**
 * Collects the predictions of a model by day of prediction (UTC) and version, and those with a label. The last 400 days are kept. Beyond
 * a number of labels, the days that have most of them keep counts by bins of scores.
 */
export class RealisedQuality<T extends Task = Task> {
  readonly #model: MeasuredModel<T>;
  readonly #days = new Map<number, Map<number, VersionDay<T>>>();

  readonly #mostRows: number;
  /** Scores that are kept one by one. */
  #rows = 0;
  #bytes = 0;

  constructor(model: MeasuredModel<T>, mostRows = MOST_ROWS) {
    this.#model = model;
    this.#mostRows = mostRows;
  }

  /** Bytes of all days, estimated. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a prediction, labelled or not. */
  predicted({ at, version }: JoinedPrediction): void {
    this.#versionDay(at, version).predictions += 1;
  }

  /** Takes a prediction's label; the prediction was taken before. */
  judged({ at, version, score, label, assumed }: JudgedPrediction): void {
    const day = this.#versionDay(at, version);
    this.#changing(day.outcomes, (outcomes) => outcomes.add(score, label));
    if (this.#rows > this.#mostRows) this.#foldLargest();
    if (assumed) day.assumed += 1;
  }

  /** Takes that a prediction stays without a label; the prediction was taken before. */
  unlabelled({ at, version }: JoinedPrediction): void {
    this.#versionDay(at, version).unlabelled += 1;
  }

  /** Starts of the days that have predictions, ascending. */
  days(): readonly number[] {
    return [...this.#days.keys()].sort((a, b) => a - b);
  }

  /** Versions that predicted on days in [from, to), ascending. */
  versions(from: number, to: number): readonly number[] {
    const versions = new Set(this.#between(from, to).flatMap((day) => [...day.keys()]));
    return [...versions].sort((a, b) => a - b);
  }

  /** Quality of the predictions made in [from, to), whole days, by all versions or one; null where there are none. */
  between(from: number, to: number, version: number | null = null): Qualities[T] | null {
    const all = this.#newOutcomes();
    let [predictions, assumed, unlabelled] = [0, 0, 0];
    for (const day of this.#between(from, to)) {
      for (const [by, one] of day) {
        if (version !== null && by !== version) continue;
        predictions += one.predictions;
        assumed += one.assumed;
        unlabelled += one.unlabelled;
        all.addAll(one.outcomes);
      }
    }
    return predictions === 0 ? null : all.quality({ predictions, assumed, unlabelled });
  }

  /** Folds the version and day with the most scores. */
  #foldLargest(): void {
    const all = [...this.#days.values()].flatMap((day) => [...day.values()].map(({ outcomes }) => outcomes));
    const [largest] = all.sort((a, b) => b.rows - a.rows);
    if (largest !== undefined) this.#changing(largest, (outcomes) => outcomes.fold());
  }

  /** Counts the change of memory of an act. */
  #changing(outcomes: Outcomes<T>, act: (outcomes: Outcomes<T>) => void): void {
    const { rows, bytes } = outcomes;
    act(outcomes);
    this.#rows += outcomes.rows - rows;
    this.#bytes += outcomes.bytes - bytes;
  }

  #between(from: number, to: number): readonly ReadonlyMap<number, VersionDay<T>>[] {
    return [...this.#days].flatMap(([start, day]) => (start >= from && start < to ? [day] : []));
  }

  #versionDay(at: number, version: number): VersionDay<T> {
    const day = this.#dayOf(at);
    const known = day.get(version);
    if (known !== undefined) return known;
    const begun = { predictions: 0, assumed: 0, unlabelled: 0, outcomes: this.#newOutcomes() };
    day.set(version, begun);
    this.#bytes += begun.outcomes.bytes;
    return begun;
  }

  #dayOf(at: number): Map<number, VersionDay<T>> {
    const start = Math.floor(at / DAY_MS) * DAY_MS;
    const found = this.#days.get(start);
    if (found !== undefined) return found;
    const day = new Map<number, VersionDay<T>>();
    this.#days.set(start, day);
    if (this.#days.size > KEPT_DAYS) this.#forget(this.days()[0]);
    return day;
  }

  #forget(start: number): void {
    for (const { outcomes } of this.#days.get(start)?.values() ?? []) {
      this.#rows -= outcomes.rows;
      this.#bytes -= outcomes.bytes;
    }
    this.#days.delete(start);
  }

  #newOutcomes(): Outcomes<T> {
    return OUTCOMES[this.#model.task](this.#model);
  }
}
