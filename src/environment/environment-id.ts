import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { replaceFile } from '../files/replace-file.ts';

/** The file of an environment's identity. */
export const ENVIRONMENT_FILE = 'environment.json';

/** The file of who reads topics of others. No backup has it: what is restored has not taken what the topics had since. */
export const TOPICS_FILE = 'topics.json';

/* environment.json, topics.json: { "format": 1, "id": "0d5b2f0e-…" } */
const fileSchema = z.strictObject({ format: z.literal(1), id: z.string().min(1) });

/**
 * The identity of a directory's data, created on first use. Data in shared stores has this identity, to show its owner. A
 * backup has it too. Errors: CONFIG_DIRECTORY, ENVIRONMENT_FILE.
 */
export function environmentId(directory: string): string {
  return identityOf(join(directory, ENVIRONMENT_FILE), directory);
}

/** The identity of a directory as a reader of topics of others, made when it is first asked for. Errors: CONFIG_DIRECTORY, ENVIRONMENT_FILE. */
export function topicReaderId(directory: string): string {
  return identityOf(join(directory, TOPICS_FILE), directory);
}

function identityOf(path: string, directory: string): string {
  if (existsSync(path)) return readId(path);
  const id = randomUUID();
  try {
    replaceFile(path, `${JSON.stringify({ format: 1, id })}\n`);
  } catch (error) {
    throw fail('CONFIG_DIRECTORY', { directory, reason: reasonOf(error) }, error);
  }
  return id;
}

function readId(path: string): string {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).id;
  } catch (error) {
    throw fail('ENVIRONMENT_FILE', { path, reason: reasonOf(error) }, error);
  }
}
