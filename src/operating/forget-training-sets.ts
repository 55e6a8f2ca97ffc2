import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ModelData } from '../features/define/declaration.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import { inList } from './forget-sql.ts';

/** A training set with rows of the entity, or one that may have some because its file is gone. */
export interface FoundTrainingSet {
  readonly model: string;
  /** Versions that were trained on it. */
  readonly versions: readonly number[];
  /** Its file; null: there is none any more. */
  readonly path: string | null;
  /** Rows of the entity; null: not known without the file. */
  readonly rows: number | null;
}

/** Looks through the training sets of models for rows with the ids of the entity's predictions. */
export async function findTrainingSets(
  {
    offline,
    registry,
    runs,
  }: { readonly offline: OfflineStore; readonly registry: ModelRegistry; readonly runs: string },
  models: readonly ModelData[],
  ids: readonly string[],
): Promise<readonly FoundTrainingSet[]> {
  const found: FoundTrainingSet[] = [];
  for (const { name: model } of models) {
    const versions = await registry.versions(model);
    const seen = new Set<string>();
    for (const path of trainingSetFiles(runs, model)) {
      const digest = await sha256Of(path);
      seen.add(digest);
      const rows = ids.length === 0 ? 0 : await rowsOf(offline, path, ids);
      const own = versions.filter(({ lineage }) => lineage.trainingSet.digest === digest).map(({ version }) => version);
      if (rows > 0) found.push({ model, versions: own, path, rows });
    }
    const gone = versions.filter(({ lineage }) => !seen.has(lineage.trainingSet.digest)).map(({ version }) => version);
    if (gone.length > 0) found.push({ model, versions: gone, path: null, rows: null });
  }
  return found;
}

function trainingSetFiles(runs: string, model: string): readonly string[] {
  if (!existsSync(runs)) return [];
  return readdirSync(runs)
    .filter((name) => name.startsWith(`${model}-`))
    .map((name) => join(runs, name, 'training-set.parquet'))
    .filter((path) => existsSync(path));
}

async function rowsOf(offline: OfflineStore, path: string, ids: readonly string[]): Promise<number> {
  let rows = 0;
  const file = path.replaceAll(/[*?[]/g, '[$&]').replaceAll("'", "''");
  for await (const batch of offline.query(`SELECT COUNT(*) FROM read_parquet('${file}') WHERE ${inList('_id', ids)}`))
    for (const [count] of batch) rows += Number(count);
  return rows;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
