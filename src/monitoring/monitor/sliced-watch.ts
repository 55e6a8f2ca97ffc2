import { type DetectorOf, type LossChange, type LossWatch, lossWatch } from './loss-watch.ts';

/** Slices of a feature that are watched: the first that come. */
export const MOST_SLICES = 20;

/** Detectors of all losses, and of the losses of one slice, which is one look of many. */
export interface SlicedDetectors {
  readonly whole: DetectorOf;
  readonly slice: DetectorOf;
}

/** Watches the losses of a version whole, and those of each value of some features. Its memory is bounded as that of a {@link LossWatch} is. */
export interface SlicedWatch {
  /** `values`: one for each feature; null: not known. */
  add(at: number, loss: number, values: readonly (string | null)[]): void;
  changes(): readonly LossChange[];
  /** The changes of one value of a feature, by its place. */
  changesOf(feature: number, value: string): readonly LossChange[];
  copy(): SlicedWatch;
}

export function slicedWatch(detectors: SlicedDetectors): SlicedWatch {
  return watchOf(detectors, lossWatch(detectors.whole), []);
}

type Values = Map<string, LossWatch>;

function watchOf(detectors: SlicedDetectors, whole: LossWatch, known: Values[]): SlicedWatch {
  const watchFor = (feature: number, value: string): LossWatch | null => {
    known[feature] ??= new Map();
    const own = known[feature];
    const found = own.get(value);
    if (found !== undefined || own.size >= MOST_SLICES) return found ?? null;
    const made = lossWatch(detectors.slice);
    own.set(value, made);
    return made;
  };
  return {
    add: (at, loss, values) => {
      whole.add(at, loss);
      values.forEach((value, feature) => {
        if (value !== null) watchFor(feature, value)?.add(at, loss);
      });
    },
    changes: () => whole.changes(),
    changesOf: (feature, value) => known[feature]?.get(value)?.changes() ?? [],
    copy: () =>
      watchOf(
        detectors,
        whole.copy(),
        known.map((own) => new Map([...own].map(([value, watch]) => [value, watch.copy()]))),
      ),
  };
}
