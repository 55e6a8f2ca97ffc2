import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { fail, isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { SCOPES, type Scope } from './scopes.ts';

/*
 * keys.json, readable by its owner only:
 *
 *   { "format": 1, "keys": [{ "id": "5f3a9c1e", "name": "web", "scopes": ["read"], "sha256": "…",
 *                             "createdAt": 1700000000000, "revokedAt": null }] }
 */
const keySchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)).min(1),
  sha256: z.string(),
  createdAt: z.number(),
  revokedAt: z.number().nullable(),
});
const fileSchema = z.strictObject({ format: z.literal(1), keys: z.array(keySchema) });

/** A key as it is kept: its text is known to nobody but its owner. */
export type ApiKey = z.infer<typeof keySchema>;

/** Where an environment keeps its keys. */
export function keysFile(directory: string): string {
  return join(directory, 'keys.json');
}

/** The keys of an environment, revoked ones too. Error: KEYS_FILE. */
export function readKeys(directory: string): readonly ApiKey[] {
  const path = keysFile(directory);
  return existsSync(path) ? keysAt(path) : [];
}

function keysAt(path: string): readonly ApiKey[] {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).keys;
  } catch (error) {
    throw keysFailure(path, error);
  }
}

/** Makes a key; its text is given here and never again. Error: KEYS_FILE. */
export function createKey(
  directory: string,
  { name, scopes, now }: { readonly name: string; readonly scopes: readonly Scope[]; readonly now: number },
): { readonly key: ApiKey; readonly text: string } {
  const id = randomBytes(4).toString('hex');
  const text = `hr_${id}_${randomBytes(32).toString('base64url')}`;
  const key: ApiKey = { id, name, scopes: [...scopes], sha256: hashOf(text), createdAt: now, revokedAt: null };
  changeKeys(directory, (keys) => [...keys, key]);
  return { key, text };
}

/** Adds scopes to a key, whose text stays valid. Errors: KEYS_UNKNOWN, KEYS_FILE. */
export function grantScopes(directory: string, id: string, scopes: readonly Scope[]): ApiKey {
  return changeKey(directory, id, (key) => ({
    ...key,
    scopes: SCOPES.filter((scope) => key.scopes.includes(scope) || scopes.includes(scope)),
  }));
}

/** Ends a key. Errors: KEYS_UNKNOWN, KEYS_FILE. */
export function revokeKey(directory: string, id: string, now: number): ApiKey {
  return changeKey(directory, id, (key) => ({ ...key, revokedAt: key.revokedAt ?? now }));
}

/**
 * Takes the keys of another file, as a Secret of a cluster has it. A key that either side has revoked stays revoked, and one that the
 * file no longer has is revoked. Error: KEYS_FILE.
 */
export function importKeys(directory: string, path: string, now: number): readonly ApiKey[] {
  const wanted = keysAt(path);
  let result: readonly ApiKey[] = [];
  changeKeys(directory, (own) => {
    const before = new Map(own.map((key) => [key.id, key]));
    const left = own.filter(({ id }) => !wanted.some((key) => key.id === id));
    result = [
      ...wanted.map((key) => ({ ...key, revokedAt: earliest(key.revokedAt, before.get(key.id)?.revokedAt ?? null) })),
      ...left.map((key) => ({ ...key, revokedAt: key.revokedAt ?? now })),
    ];
    return result;
  });
  return result;
}

function earliest(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b);
}

/**
 * The hash under which a key is kept. A key has 256 random bits: no list of guesses holds it, so that one SHA-256 keeps it as
 * well as a slow hash would, which is for passwords and would cost every call tens of milliseconds.
 */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Changes one key. Errors: KEYS_UNKNOWN, KEYS_FILE. */
function changeKey(directory: string, id: string, change: (key: ApiKey) => ApiKey): ApiKey {
  let changed: ApiKey | undefined;
  changeKeys(directory, (keys) => {
    const known = keys.find((key) => key.id === id);
    if (known === undefined) throw fail('KEYS_UNKNOWN', { id, known: keys.map((key) => key.id) });
    const made = change(known);
    changed = made;
    return keys.map((key) => (key === known ? made : key));
  });
  return changed ?? readKeys(directory)[0];
}

/** One change at a time: an exclusive lock file, so no change overwrites another. */
function changeKeys(directory: string, change: (keys: readonly ApiKey[]) => readonly ApiKey[]): void {
  const path = keysFile(directory);
  const beside = `${path}.new`;
  let file: number;
  try {
    file = openSync(beside, 'wx', 0o600);
  } catch (error) {
    throw keysFailure(beside, error);
  }
  try {
    writeSync(file, `${JSON.stringify({ format: 1, keys: change(readKeys(directory)) }, null, 1)}\n`);
    fsyncSync(file);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw isHeadraceError(error) ? error : keysFailure(path, error);
  } finally {
    closeSync(file);
  }
}

function keysFailure(path: string, error: unknown): Error {
  return fail('KEYS_FILE', { path, reason: reasonOf(error) }, error);
}
