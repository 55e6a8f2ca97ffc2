import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ModelData } from '../features/define/declaration.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import { listedVersions } from '../registry/listed-versions.ts';
import { inList, type KeyValues, literal } from './forget-sql.ts';

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

/** A training set of a spine of one's own that has rows of the entity. */
export interface FoundSpineSet {
  readonly path: string;
  readonly rows: number;
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
    // Of a version that another program logged without its set nothing can be said.
    const versions = (await listedVersions(registry, model)).filter(({ lineage }) => lineage.trainingSet.digest !== '');
    const seen = new Set<string>();
    for (const path of trainingSetFiles(runs, model)) {
      const digest = await sha256Of(path);
      seen.add(digest);
      const rows = ids.length === 0 ? 0 : await countOf(offline, path, inList('_id', ids));
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

async function countOf(offline: OfflineStore, path: string, where: string): Promise<number> {
  let rows = 0;
  for await (const batch of offline.query(`SELECT COUNT(*) FROM ${fileRelation(path)} WHERE ${where}`))
    for (const [count] of batch) rows += Number(count);
  return rows;
}

function fileRelation(path: string): string {
  return `read_parquet(${literal(path.replaceAll(/[*?[]/g, '[$&]'))}, hive_partitioning = false)`;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/**
 * Looks through the training sets that were asked for over HTTP with a spine: their columns are those of whoever sent it, so
 * that a row is the entity's where every part of its key stands in some column.
 */
export async function findSpineSets(
  offline: OfflineStore,
  folder: string,
  values: KeyValues,
): Promise<readonly FoundSpineSet[]> {
  if (!existsSync(folder)) return [];
  const found: FoundSpineSet[] = [];
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.parquet')) continue;
    const path = join(folder, name);
    const columns: string[] = [];
    for await (const batch of offline.query(`DESCRIBE SELECT * FROM ${fileRelation(path)}`))
      columns.push(...batch.map(([column]) => `CAST("${String(column).replaceAll('"', '""')}" AS VARCHAR)`));
    const has = Object.values(values).map((value) => `${literal(String(value))} IN (${columns.join(', ')})`);
    const rows = await countOf(offline, path, has.join(' AND '));
    if (rows > 0) found.push({ path, rows });
  }
  return found;
}
