import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { replaceFile } from '../files/replace-file.ts';
import { syncFolder } from '../files/sync-folder.ts';

/*
 * forgetting/<sha256 of entity and key>.json, while it runs:
 *
 *   { "format": 1, "entity": "user", "key": { "user": "ada" }, "predictions": ["p-1"] }
 */
const recordSchema = z.strictObject({
  format: z.literal(1),
  entity: z.string(),
  key: z.record(z.string(), z.unknown()),
  predictions: z.array(z.string()),
});

/** The state of a started run of forget: after a crash, the rows that it needs may already be deleted. */
export type ForgetRecord = z.infer<typeof recordSchema>;

/** The records of unfinished runs. Error: FORGET_RECORD. */
export function begunForgettings(directory: string): readonly ForgetRecord[] {
  const folder = join(directory, 'forgetting');
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.map((name) => readRecord(join(folder, name)));
}

/** Keeps a record durably; one of the same entity that was there is taken over into it. */
export function keepRecord(directory: string, record: ForgetRecord): ForgetRecord {
  const path = pathOf(directory, record);
  const known = existsSync(path) ? readRecord(path).predictions : [];
  const kept = { ...record, predictions: [...new Set([...known, ...record.predictions])] };
  mkdirSync(join(directory, 'forgetting'), { recursive: true });
  replaceFile(path, JSON.stringify(kept));
  syncFolder(directory);
  return kept;
}

/** Ends a record: the entity is forgotten. */
export function endRecord(directory: string, record: ForgetRecord): void {
  rmSync(pathOf(directory, record), { force: true });
  syncFolder(join(directory, 'forgetting'));
}

function readRecord(path: string): ForgetRecord {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw fail('FORGET_RECORD', { path, reason: reasonOf(error) }, error);
  }
}

function pathOf(directory: string, { entity, key }: ForgetRecord): string {
  const name = createHash('sha256')
    .update(JSON.stringify([entity, Object.entries(key).sort()]))
    .digest('hex');
  return join(directory, 'forgetting', `${name}.json`);
}
