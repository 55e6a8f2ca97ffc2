import type { DriftLimit } from '../../src/monitoring/detect/feature-comparison.ts';
import { windowOf } from '../../src/monitoring/monitor/judge-windows.ts';
import { overall } from '../../src/monitoring/monitor/overall-state.ts';
import { wholeReference } from '../../src/monitoring/monitor/reference.ts';
import type { ColumnSketch } from '../../src/monitoring/profile/column-sketch.ts';
import { FEATURES, judged, limitOf, type Matched, MONITOR, matchedOf, QUARTER } from './judge.ts';
import { sketchOf, windowRows } from './pools.ts';
import type { Cell } from './quarter.ts';
import { fullReference, isWeekend, type ReferenceId, referenceRows } from './references.ts';
import { KINDS, randomOf } from './stream.ts';

/** Evidently 0.7 with more than 1,000 rows of reference: W₁ over the standard deviation of the reference, from 0.1. */
const EVIDENTLY = 0.1;

/** Profiles of whole windows and references, for rules that need more than counts. */
export interface Profiles {
  readonly references: readonly {
    readonly sketch: ColumnSketch;
    readonly limit: DriftLimit | null;
    /** What a window of an hour is compared with; null: with all rows. */
    readonly matchedAt: (hour: number) => Matched | null;
  }[];
  /** By shift. */
  readonly windows: ReadonlyMap<number, readonly ColumnSketch[]>;
}

export type KnownReference = Awaited<ReturnType<typeof knownReferences>>[number];

/** References with their profiles: those of a dependence and a season serve windows of every size. */
export async function knownReferences(id: Omit<ReferenceId, 'index'>, count: number) {
  const found = [];
  for (let index = 0; index < count; index += 1) {
    const reference = await fullReference(referenceRows({ ...id, index }), 'f0', id.season);
    const sketch = wholeReference(reference).columns.get('f0');
    if (sketch !== undefined) found.push({ reference, sketch });
  }
  return found;
}

export function profilesOf(
  cell: Cell,
  seed: number,
  {
    known,
    windows,
    shifts,
  }: { readonly known: readonly KnownReference[]; readonly windows: number; readonly shifts: readonly number[] },
): Profiles {
  const references = known.map(({ reference, sketch }) => ({
    sketch,
    limit: limitOf(reference, 'f0', cell.n),
    matchedAt: (hour: number) => matchedOf(reference.seasonal, hour, cell.n),
  }));
  const made = shifts.map((shift) => {
    const sketches = Array.from({ length: windows }, (_, w) =>
      sketchOf(windowRows({ ...cell, seed }, w, shift), w + 2),
    );
    return [shift, sketches] as const;
  });
  return { references, windows: new Map(made) };
}

/** What the rules say of single windows. */
export interface Looks {
  readonly windows: number;
  /** Windows that are `drift` by the default, before k of n. */
  readonly drift: number;
  /** Windows that the default does not judge. */
  readonly insufficient: number;
  /** Windows in which a feature is beyond the rule. */
  readonly psi: number;
  readonly ks: number;
  readonly evidently: number;
  /** Windows in which half of the features are. */
  readonly evidentlyHalf: number;
}

/** Judges windows of random hours of the quarter. */
export function looksOf(cell: Cell, seed: number, profiles: Profiles, windows: number): Looks {
  const random = randomOf({ ...cell, seed, kind: KINDS.looks, index: cell.season > 0 ? 1 : 0 });
  const found = { windows, drift: 0, insufficient: 0, psi: 0, ks: 0, evidently: 0, evidentlyHalf: 0 };
  for (let look = 0; look < windows; look += 1) {
    const hour = Math.floor(random() * QUARTER);
    const shift = isWeekend(hour) ? cell.season : 0;
    const features = Array.from({ length: FEATURES }, () => drawn(profiles, shift, random));
    const comparison = judged(features);
    const own = features.map(({ matchedAt, ...feature }) => ({ ...feature, matched: matchedAt(hour) }));
    const { verdict } = cell.season === 0 ? comparison : judged(own);
    const flagged = (rule: string) => comparison.falseAlarms.find((cost) => cost.rule === rule)?.flagged ?? 0;
    const far = comparison.features.filter(({ effect }) => (effect?.wasserstein ?? 0) >= EVIDENTLY).length;
    found.drift += verdict === 'drift' ? 1 : 0;
    found.insufficient += verdict === 'insufficient' ? 1 : 0;
    found.psi += flagged('psi>0.2') > 0 ? 1 : 0;
    found.ks += flagged('ks<0.05') > 0 ? 1 : 0;
    found.evidently += far > 0 ? 1 : 0;
    found.evidentlyHalf += far >= FEATURES / 2 ? 1 : 0;
  }
  return found;
}

function drawn({ references, windows }: Profiles, shift: number, random: () => number) {
  const pool = windows.get(shift) ?? [];
  const { sketch, limit, matchedAt } = references[Math.floor(random() * references.length)];
  return { reference: sketch, limit, matchedAt, current: pool[Math.floor(random() * pool.length)] };
}

/** Runs in which a shift of one feature is alarmed within three windows. */
export function powerOf(
  cell: Cell,
  seed: number,
  profiles: Profiles,
  { shift, runs }: { readonly shift: number; readonly runs: number },
): number {
  const random = randomOf({ ...cell, seed, kind: KINDS.power, index: 0 });
  let hits = 0;
  for (let run = 0; run < runs; run += 1) {
    const chosen = Array.from({ length: FEATURES }, () => drawn(profiles, 0, random));
    const states = Array.from({ length: MONITOR.of }, (_, w) => {
      const features = chosen.map((feature, f) => ({
        ...feature,
        current: drawn(profiles, f === 7 ? shift : 0, random).current,
      }));
      return windowOf({ from: w * MONITOR.windowMs, to: (w + 1) * MONITOR.windowMs }, judged(features), null);
    });
    // The moved feature itself, not a quiet one by chance.
    const own = states.map((state) => ({ ...state, drifted: state.drifted.filter((name) => name === 'f7') }));
    const seen = own.map((state) =>
      state.drifted.length === 0 && state.state === 'drift' ? { ...state, state: 'ok' as const } : state,
    );
    if (overall(seen, MONITOR).state === 'drift') hits += 1;
  }
  return hits;
}
