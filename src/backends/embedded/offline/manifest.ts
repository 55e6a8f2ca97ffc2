import { readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { fail } from '../../../base/errors/fail.ts';
import { type OfflineType, SQL_TYPES } from '../../../ports/offline-store.ts';
import { textSum } from './file-sum.ts';

/** Version of manifests and of the files they name. */
export const FORMAT_VERSION = 3;

/*
 * manifest.<sequence>.json, the greatest sequence is the newest:
 *
 *   { "format": 3, "sum": "0a1b2c3d", "sequence": 12,
 *     "tables": [{ "name": "events/departures@1", "columns": [["flight", "STRING"], …],
 *                  "files": [{ "path": "tables/events/departures@1/12-0.parquet", "rows": 2000, "bytes": 51200,
 *                              "sum": "4e5f6071", "columns": [["flight", "STRING"], …] }] }],
 *     "positions": { "deliveries": { "departures": [1000, 1000] } },
 *     "retired": [{ "path": "…", "at": 1700000000000 }] }
 *
 * Paths are relative to the store. A file has columns of its own if it was written before the table got others. Retired
 * files are in no table any more and are removed after a while. Sums are CRC-32: `sum` of a file is that of its bytes, the
 * manifest's own that of its JSON text without the pair `"sum": …`. Format 1 had no columns of files, formats 1 and 2 no sums.
 */
const offlineType = z.enum(Object.keys(SQL_TYPES) as [OfflineType, ...OfflineType[]]);
const count = z.int().nonnegative();

const columns = z.array(z.tuple([z.string(), offlineType]));

const manifestSchema = z.strictObject({
  format: z.union([z.literal(1), z.literal(2), z.literal(FORMAT_VERSION)]).transform(() => FORMAT_VERSION),
  sequence: count,
  tables: z.array(
    z.strictObject({
      name: z.string(),
      columns,
      files: z.array(
        z.strictObject({
          path: z.string(),
          rows: count,
          bytes: count,
          sum: z.string().optional(),
          columns: columns.optional(),
        }),
      ),
    }),
  ),
  positions: z.record(z.string(), z.record(z.string(), z.array(count))),
  retired: z.array(z.strictObject({ path: z.string(), at: z.number() })),
});

/** The content of the store at one moment. */
export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestTable = Manifest['tables'][number];
export type ManifestFile = ManifestTable['files'][number];

/** A store to which nothing was published. */
const emptyManifest: Manifest = {
  format: FORMAT_VERSION,
  sequence: 0,
  tables: [],
  positions: {},
  retired: [],
};

const MANIFEST_NAME = /^manifest\.(\d+)\.json$/;

/** Reads the newest manifest of a store. Errors: OFFLINE_CORRUPT, OFFLINE_VERSION. */
export function readNewest(directory: string): Manifest {
  // Between listing and reading the writer may have replaced the manifest that was newest.
  for (;;) {
    const sequence = sequences(directory).at(-1);
    if (sequence === undefined) return emptyManifest;
    const file = manifestPath(directory, sequence);
    try {
      return parseManifest(file, readFileSync(file, 'utf8'));
    } catch (error) {
      if (!isMissing(error) || sequences(directory).at(-1) === sequence) throw error;
    }
  }
}

/** Writes a manifest under a name that no reader looks for; it survives a loss of power. */
export async function stageManifest(directory: string, manifest: Manifest): Promise<void> {
  const file = await open(stagedPath(directory, manifest), 'w');
  try {
    await file.writeFile(manifestText(manifest));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A manifest with its sum, as on disk. */
function manifestText({ format, ...rest }: { readonly format: number; readonly [field: string]: unknown }): string {
  return JSON.stringify({ format, sum: textSum(JSON.stringify({ format, ...rest })), ...rest });
}

/** Makes the staged manifest the newest: before this nothing of it is visible, after it everything. */
export function switchManifest(directory: string, manifest: Manifest): void {
  renameSync(stagedPath(directory, manifest), manifestPath(directory, manifest.sequence));
}

/** Removes the manifests before one. */
export function removeOlderManifests(directory: string, { sequence }: Manifest): void {
  for (const older of sequences(directory))
    if (older < sequence) rmSync(manifestPath(directory, older), { force: true });
}

/** Makes written files, or names in directories, survive a loss of power. */
export async function syncPaths(paths: Iterable<string>): Promise<void> {
  await Promise.all(
    [...paths].map(async (path) => {
      const file = await open(path, 'r');
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    }),
  );
}

/** Parses a manifest; `file` names it in errors. */
function parseManifest(file: string, text: string): Manifest {
  const damaged = (reason: string, cause: unknown) => fail('OFFLINE_CORRUPT', { file, reason }, cause);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw damaged('it is not JSON', cause);
  }
  const format = z.object({ format: z.number() }).safeParse(json);
  if (format.success && format.data.format > FORMAT_VERSION)
    throw fail('OFFLINE_VERSION', { file, version: format.data.format, known: FORMAT_VERSION });
  const summed = z.looseObject({ format: z.literal(FORMAT_VERSION), sum: z.string() }).safeParse(json);
  if (summed.success) {
    const { sum: _, ...rest } = summed.data;
    if (manifestText(rest) !== text) throw damaged('it has another sum', undefined);
    json = rest;
  } else if (format.data?.format === FORMAT_VERSION) throw damaged('it has no sum', summed.error);
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) throw damaged(z.prettifyError(parsed.error).replaceAll('\n', ' '), parsed.error);
  return parsed.data;
}

function sequences(directory: string): readonly number[] {
  return readdirSync(directory)
    .map((name) => Number(MANIFEST_NAME.exec(name)?.[1] ?? 0))
    .filter((sequence) => sequence > 0)
    .sort((a, b) => a - b);
}

function stagedPath(directory: string, { sequence }: Manifest): string {
  return `${manifestPath(directory, sequence)}.tmp`;
}

function manifestPath(directory: string, sequence: number): string {
  return join(directory, `manifest.${sequence}.json`);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
