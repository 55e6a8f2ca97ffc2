import type { RootDatabase } from 'lmdb';
import { fail } from '../../../base/errors/fail.ts';
import { textOf } from './json-entry.ts';
import { FORMAT_KEY } from './store-keys.ts';

const FORMAT = '2';

/** Without stored windows; the first commit of a key adds them. */
const FORMER = '1';

/**
 * Checks the format of an opened store. A writer gives a new store its format, and upgrades a former one. Errors: STORE_FORMAT,
 * STORE_CORRUPT.
 */
export function checkFormat(
  database: RootDatabase<Uint8Array, Uint8Array>,
  path: string,
  access: 'write' | 'read',
): void {
  const found = database.get(Buffer.from(FORMAT_KEY));
  if (found !== undefined) {
    const format = textOf(found);
    if (format !== FORMAT && format !== FORMER) throw fail('STORE_FORMAT', { path, found: format, known: FORMAT });
    if (format === FORMER && access === 'write') database.putSync(Buffer.from(FORMAT_KEY), Buffer.from(FORMAT));
  } else if (database.getKeysCount({ limit: 1 }) > 0) throw fail('STORE_CORRUPT', { path, reason: 'it has no format' });
  else if (access === 'write') database.putSync(Buffer.from(FORMAT_KEY), Buffer.from(FORMAT));
}
