/** Counters of one GPU over time, as sampled; NaN where a sample is missing. Index i of each list is one moment. */
export interface SampleSeries {
  /** Index or bus name of the GPU. */
  readonly gpu: string;
  readonly name: string | undefined;
  /** Milliseconds; the moments of the samples. Empty if the file has no times. */
  readonly timesMs: readonly number[];
  /** Share of the last window in which any kernel ran, in percent. */
  readonly util: readonly number[];
  /** Share of the last window in which the memory controller was busy, in percent; not the fill. */
  readonly memoryController: readonly number[];
  readonly memoryUsedMb: readonly number[];
  readonly memoryTotalMb: number | undefined;
  readonly powerW: readonly number[];
  readonly clockMhz: readonly number[];
  /** DCGM or GPM shares from 0 to 1; empty if not recorded. */
  readonly smActive: readonly number[];
  readonly tensorActive: readonly number[];
  readonly dramActive: readonly number[];
}

type Mutable = {
  -readonly [Key in keyof SampleSeries]: SampleSeries[Key] extends readonly number[] ? number[] : SampleSeries[Key];
};

/** A series of a GPU without samples. */
export function emptySeries(gpu: string): Mutable {
  return {
    gpu,
    name: undefined,
    timesMs: [],
    util: [],
    memoryController: [],
    memoryUsedMb: [],
    memoryTotalMb: undefined,
    powerW: [],
    clockMhz: [],
    smActive: [],
    tensorActive: [],
    dramActive: [],
  };
}

/** Collects samples by GPU. */
export class SampleCollector {
  readonly #series = new Map<string, Mutable>();

  /** The series of a GPU, made if it is new. */
  of(gpu: string): Mutable {
    const known = this.#series.get(gpu);
    if (known !== undefined) return known;
    const made = emptySeries(gpu);
    this.#series.set(gpu, made);
    return made;
  }

  all(): readonly SampleSeries[] {
    return [...this.#series.values()];
  }
}
