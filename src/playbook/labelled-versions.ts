import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelData } from '../features/define/declaration.ts';
import { lossesOf } from '../features/define/rollout-loss.ts';
import { modelInputs } from '../model/model-inputs.ts';
import type { Span } from '../ports/playbook-store.ts';
import type { PatientScorer, RegisteredVersions } from '../versions/cache/registered-versions.ts';
import type { LabelledRows } from './compare-versions.ts';

/** A set of labelled rows to write. */
export interface LabelledSet {
  readonly between: Span;
  readonly exclude: readonly Span[];
  readonly path: string;
}

/** Reads columns of a Parquet file, in single and in double precision. */
export type ReadNumbers = (
  path: string,
  columns: { readonly singles: readonly string[]; readonly doubles: readonly string[] },
) => Promise<{ readonly doubles: readonly Float64Array[] }>;

/** The means to compare versions of a model on labelled rows. */
export interface LabelledVersions {
  readonly model: ModelData;
  /** The loaded versions of the process. */
  readonly registered: RegisteredVersions;
  /** Reads columns of a file of rows. */
  readonly readNumbers: ReadNumbers;
  /** Writes rows with features as they were known, and labels; returns how many. */
  readonly writeSet: (set: LabelledSet) => Promise<number>;
  /** Folder for files of audits and scratch. */
  readonly folder: string;
  /** The loss that judges rollouts; null: the first one of the task. */
  readonly metric: ReturnType<typeof lossesOf>[number] | null;
}

/** The loss that compares versions. */
export function lossNameOf({ model, metric }: Pick<LabelledVersions, 'model' | 'metric'>) {
  return metric ?? lossesOf(model)[0];
}

/** Loads versions and makes a scratch folder, for the time of the work. */
export async function withLoaded<T>(
  options: Pick<LabelledVersions, 'model' | 'registered' | 'folder'>,
  id: string,
  versions: readonly number[],
  work: (loaded: readonly PatientScorer[], folder: string) => Promise<T>,
): Promise<T> {
  const { model, registered } = options;
  const folder = join(options.folder, `${id}-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const loaded: PatientScorer[] = [];
  try {
    for (const one of versions)
      loaded.push(await registered.holdPatiently(await registered.prepared(model.name, one), 'playbook'));
    return await work(loaded, folder);
  } finally {
    for (const scorer of loaded) await scorer.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Labelled rows with the features that the versions read. */
export async function labelledRows(
  { model, writeSet, readNumbers }: Pick<LabelledVersions, 'model' | 'writeSet' | 'readNumbers'>,
  set: LabelledSet,
  loaded: readonly PatientScorer[],
): Promise<LabelledRows> {
  const known = new Set(modelInputs(model.service).map(({ name }) => name));
  const names = [...new Set(loaded.flatMap(({ version }) => version.signature.features))].filter((name) =>
    known.has(name),
  );
  const rows = await writeSet(set);
  if (rows === 0) return { columns: new Map(), labels: new Float64Array(0) };
  const {
    doubles: [labels, ...columns],
  } = await readNumbers(set.path, { singles: [], doubles: ['_label', ...names] });
  return { columns: new Map(names.map((name, i) => [name, columns[i]])), labels };
}
