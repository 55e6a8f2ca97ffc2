import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { fail } from '../base/errors/fail.ts';

/*
 * backup.json, written last:
 *
 *   { "format": 1, "project": "shop", "madeAt": 1700000000000,
 *     "files": [{ "path": "log/topics/…", "bytes": 51200, "sha256": "…" }] }
 */
const BACKUP_FORMAT = 1;

/** The name of the file that makes a folder a backup. */
export const BACKUP_FILE = 'backup.json';

const manifestSchema = z.strictObject({
  format: z.literal(BACKUP_FORMAT),
  project: z.string(),
  madeAt: z.number(),
  files: z.array(z.strictObject({ path: z.string(), bytes: z.int().nonnegative(), sha256: z.string() })),
});

/** The contents of a backup. */
export type BackupManifest = z.infer<typeof manifestSchema>;
export type BackupFile = BackupManifest['files'][number];

/** The manifest of a folder. */
export async function manifestOf(folder: string, project: string, madeAt: number): Promise<BackupManifest> {
  const files: BackupFile[] = [];
  for (const path of filesBelow(folder)) {
    const bytes = statSync(join(folder, path)).size;
    files.push({ path, bytes, sha256: await sha256Of(join(folder, path)) });
  }
  return { format: BACKUP_FORMAT, project, madeAt, files };
}

/** Reads the manifest of a backup. Errors: BACKUP_DAMAGED, BACKUP_FORMAT. */
export function readManifest(folder: string): BackupManifest {
  const damaged = (reason: string, cause?: unknown) => fail('BACKUP_DAMAGED', { folder, reason }, cause);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(join(folder, BACKUP_FILE), 'utf8'));
  } catch (error) {
    throw damaged(`its ${BACKUP_FILE} cannot be read`, error);
  }
  const format = z.looseObject({ format: z.int() }).safeParse(json);
  if (format.success && format.data.format > BACKUP_FORMAT)
    throw fail('BACKUP_FORMAT', { folder, found: format.data.format, known: BACKUP_FORMAT });
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) throw damaged(`its ${BACKUP_FILE} is not a manifest`, parsed.error);
  const outside = parsed.data.files.find(({ path }) => path.split('/').some((name) => name === '..' || name === ''));
  if (outside !== undefined) throw damaged(`it names the file ${outside.path}`);
  return parsed.data;
}

/** Error BACKUP_DAMAGED unless a file is what the manifest says. */
export async function checkBackupFile(
  folder: string,
  root: string,
  { path, bytes, sha256 }: BackupFile,
): Promise<void> {
  const stat = statSync(join(root, path), { throwIfNoEntry: false });
  const damaged = (reason: string) => fail('BACKUP_DAMAGED', { folder, reason: `${path} ${reason}` });
  if (stat === undefined) throw damaged('is missing');
  if (stat.size !== bytes) throw damaged(`has ${stat.size} bytes, not ${bytes}`);
  if ((await sha256Of(join(root, path))) !== sha256) throw damaged('has another sum');
}

/** Paths of the files below a folder, with slashes, in order. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
