import type { JobBins, ProfiledColumn, ProfileEngine } from '../../ports/profile-engine.ts';
import { type ColumnSketch, createColumnSketch, numbersIn } from './column-sketch.ts';
import { addFrequent } from './frequent-items.ts';
import type { FrozenBins } from './frozen-bins.ts';
import { createProfile, type Profile } from './profile.ts';

export interface EngineProfileOptions {
  readonly files: readonly string[];
  readonly ignore: readonly string[];
  /** Counts are over its bins, where a column of the same name has some. */
  readonly like: Profile | null;
  readonly onProgress: (text: string) => void;
}

/** Profiles Parquet files inside an engine: as the embedded profile has them. Errors: those of the engine. */
export async function profileByEngine(
  engine: ProfileEngine,
  { files, ignore, like, onProgress }: EngineProfileOptions,
): Promise<Profile> {
  const bins = new Map<string, FrozenBins>();
  for (const [name, column] of like?.columns ?? []) if (column.bins !== null) bins.set(name, column.bins);
  const columns = await engine.profile({ files, ignore, bins: plain(bins) }, onProgress);
  const profile = createProfile();
  profile.rows = columns[0]?.rows ?? 0;
  for (const column of columns) profile.columns.set(column.name, sketchOf(column, bins.get(column.name) ?? null));
  return profile;
}

function plain(bins: ReadonlyMap<string, FrozenBins>): Readonly<Record<string, JobBins>> {
  return Object.fromEntries(
    [...bins].map(([name, one]) => [
      name,
      one.kind === 'edges' ? { edges: [...one.edges] } : { values: [...one.values.keys()] },
    ]),
  );
}

function sketchOf(column: ProfiledColumn, bins: FrozenBins | null): ColumnSketch {
  const { type, rows, missing, infinite, mean, squares, whole, registers, counts, numbers, texts, quantiles } = column;
  const sketch = createColumnSketch(type, counts === null ? null : bins);
  Object.assign(sketch, { rows, missing, infinite, mean, squares, whole });
  sketch.registers = registers.some((rho) => rho > 0) ? registers : null;
  for (const [bin, count] of (counts ?? []).entries()) if (sketch.counts !== null) sketch.counts[bin] = count;
  if (type === 'text' && sketch.frequent !== null) {
    Object.assign(sketch.frequent, { n: texts.n, offset: texts.offset });
    for (const [text, count] of texts.counts) sketch.frequent.counts.set(text, count);
  } else if (numbers === null) sketch.frequent = null;
  else if (sketch.frequent !== null)
    for (const [value, count] of numbers) addFrequent(sketch.frequent, String(value), count);
  if (sketch.kll !== null && quantiles !== null) {
    Object.assign(sketch.kll, { n: numbersIn(sketch), min: quantiles.min, max: quantiles.max });
    sketch.kll.levels.splice(0, sketch.kll.levels.length, ...quantiles.levels.map((level) => [...level]));
  }
  return sketch;
}
