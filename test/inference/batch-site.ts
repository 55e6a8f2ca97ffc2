import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { batchContext } from '../../src/running/batch-context.ts';
import { readBatchManifest } from '../../src/serving/batch/batch-folder.ts';
import type { BatchContext } from '../../src/serving/batch/start-batch.ts';
import type { WorkerProgram } from '../../src/serving/batch/worker-process.ts';
import { batchProgram } from '../../src/site/batch-tools.ts';
import type { BatchPlace } from '../../src/site/batch-worker-tools.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { registerSmall } from '../models/small-project.ts';

/** A directory with two registered versions of the small model. */
export async function batchSite(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-batch-'));
  const registry = openSqliteRegistry(registryFile(directory));
  const artifacts = new FileArtifactStore(join(directory, 'artifacts'));
  await registerSmall(registry, artifacts, 1);
  await registerSmall(registry, artifacts, 0.01);
  await registry.moveAlias('small', 'champion', { expected: null, to: 1, at: 0 });
  await registry.close();
  return directory;
}

/** The environment of a site, as worker processes see it. */
export function sitePlace(directory: string): BatchPlace {
  return { directory, artifacts: { kind: 'directory' }, models: { python: null } };
}

/** What batch jobs of a site work with; the registry stays open as long as the process. */
export function siteContext(
  directory: string,
  program: WorkerProgram = batchProgram(sitePlace(directory)),
): BatchContext {
  return {
    ...batchContext(sitePlace(directory), {
      registry: openSqliteRegistry(registryFile(directory)),
      artifacts: new FileArtifactStore(join(directory, 'artifacts')),
      joins: { position: () => Promise.reject(new Error('no history')), join: () => Promise.reject(new Error('none')) },
    }),
    program,
  };
}

/** Runs SQL in its own DuckDB; gives the rows. */
export async function sql(text: string): Promise<readonly (readonly unknown[])[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(text)).getRows();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** SQL of this many input rows; the numbers depend on the row alone. */
export function inputRows(rows: number): string {
  return `SELECT CAST(i AS BIGINT) AS id, 'n' || i AS name, CAST((i * 37) % 101 AS DOUBLE) / 7 - 5 AS number,
    CASE WHEN i % 5 = 0 THEN NULL ELSE CAST((i * 13) % 17 AS DOUBLE) / 9 END AS gaps, CAST(i % 7 AS INTEGER) AS category
    FROM range(${rows}) AS t(i)`;
}

/** Rows of which two have a number beyond float32. */
export function poisonedRows(rows: number): string {
  return `SELECT * REPLACE (CASE id WHEN 7 THEN 1e300 WHEN ${rows - 1} THEN -1e39 ELSE number END AS number) FROM (${inputRows(rows)})`;
}

/** Texts in all forms of a number, and some that are none. */
const TEXTS = [
  ...[' 1.5 ', '1e3', '.5', '-7.', '+8', '1_000', '+-0.25', '\v2\f', 'NaN', '-nan', 'Infinity', '-inf'],
  ...['one', '1e40', '-1e40', '0x10', "it's \\", '1__0', '- 1', '1f', 'infinit', `${'9'.repeat(70)}x`],
];

/** Rows whose column `number` is a text. */
export function textRows(rows: number): string {
  const list = TEXTS.map((text) => `'${text.replaceAll("'", "''")}'`).join(', ');
  return `SELECT * REPLACE (CASE WHEN id < ${TEXTS.length} THEN [${list}][id + 1] ELSE CAST(number AS VARCHAR) END AS number) FROM (${inputRows(rows)})`;
}

/** Writes SQL rows as a file of the format that its name says. */
export async function writeInput(rows: string, path: string): Promise<string> {
  const format = path.endsWith('.parquet') ? 'parquet' : path.endsWith('.jsonl') ? 'json' : 'csv, header true';
  await sql(`COPY (${rows}) TO '${path}' (FORMAT ${format})`);
  return path;
}

/** Every row of a committed output: `[_row, id, score, version, digest, job]`, in the order of the manifest. */
export async function outputRows(folder: string): Promise<readonly (readonly unknown[])[]> {
  const manifest = readBatchManifest(folder);
  const found: (readonly unknown[])[] = [];
  for (const { output } of manifest?.parts ?? []) {
    if (output === null) continue;
    const path = join(folder, manifest?.folder ?? '', output.file);
    found.push(
      ...(await sql(
        `SELECT CAST(_row AS INTEGER), CAST(id AS INTEGER), score, model_version, artifact_digest, job_id FROM read_parquet('${path}')`,
      )),
    );
  }
  return found;
}

/** The bytes of a committed output: the manifest, and the hash of each file that it lists. */
export function outputBytes(folder: string): Readonly<Record<string, string>> {
  const manifest = readBatchManifest(folder);
  if (manifest === null) throw new Error(`nothing is committed in ${folder}: ${readdirSync(folder).join(', ')}`);
  const files = manifest.parts.flatMap(({ output, quarantine }) => [output, quarantine].flatMap((one) => one ?? []));
  const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
  return {
    manifest: hash(join(folder, '_MANIFEST.json')),
    ...Object.fromEntries(files.map(({ file }) => [file, hash(join(folder, manifest.folder, file))])),
  };
}
