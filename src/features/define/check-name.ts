import { fail } from '../../base/errors/fail.ts';

const NAME = /^[a-z][a-z0-9_]{0,62}$/i;

/** A name that every store, engine and file system takes. Error: NAME_TEXT. */
export function checkName(kind: string, name: string): string {
  if (!NAME.test(name)) throw fail('NAME_TEXT', { kind, name });
  return name;
}

/** All keys of an object as names of one kind. Errors: NAME_TEXT, NAMES_NONE. */
export function checkNames(kind: string, where: string, object: Readonly<Record<string, unknown>>): void {
  if (Object.keys(object).length === 0) throw fail('NAMES_NONE', { kind, where });
  for (const name of Object.keys(object)) checkName(kind, name);
}

/** A version: a whole number from 1. Error: VERSION_NUMBER. */
export function checkVersion(where: string, version: number): number {
  if (!Number.isInteger(version) || version < 1) throw fail('VERSION_NUMBER', { where, version });
  return version;
}
