import type { RootDatabase } from 'lmdb';
import { fail } from '../../../base/errors/fail.ts';
import { textOf } from './json-entry.ts';
import { FORMAT_KEY } from './store-keys.ts';

type Database = RootDatabase<Uint8Array, Uint8Array>;

const FORMAT = '4';

/**
 * 1: without stored windows; the first commit of a key adds them. 2: each view's stored windows of a key in an entry apart, and so its rows.
 * 1 to 3: blocks lie by view, then by key.
 */
const FORMER: readonly string[] = ['1', '2', '3'];

/** The format of an opened store: of this version, or of a former one that a writer upgrades before its first write. */
export type FoundFormat = 'known' | 'former';

/** Checks the format of an opened store. A writer gives a new store its format. Errors: STORE_FORMAT, STORE_CORRUPT. */
export function checkFormat(database: Database, path: string, access: 'write' | 'read'): FoundFormat {
  const found = database.get(Buffer.from(FORMAT_KEY));
  if (found !== undefined) {
    const format = textOf(found);
    if (format !== FORMAT && !FORMER.includes(format))
      throw fail('STORE_FORMAT', { path, found: format, known: FORMAT });
    return format === FORMAT ? 'known' : 'former';
  }
  if (database.getKeysCount({ limit: 1 }) > 0) throw fail('STORE_CORRUPT', { path, reason: 'it has no format' });
  if (access === 'write') writeFormat(database);
  return 'known';
}

/** Gives a store the format of this version. */
export function writeFormat(database: Database): void {
  database.putSync(Buffer.from(FORMAT_KEY), Buffer.from(FORMAT));
}
