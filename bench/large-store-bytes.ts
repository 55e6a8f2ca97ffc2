import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Entries } from '../src/backends/embedded/online/entries.ts';
import { openDatabase } from '../src/backends/embedded/online/open-database.ts';
import { RECORDS, tierAndBlock } from '../src/backends/embedded/online/store-keys.ts';
import { printFigure } from './figure.ts';

/** Bytes of a store that is closed: of its file, and of the tiles of its blocks. */
interface StoreBytes {
  readonly file: number;
  readonly tiles: number;
}

async function bytesOf(directory: string): Promise<StoreBytes> {
  const file = join(directory, 'online', 'tiles.mdb');
  const entries = new Entries(openDatabase(file, 'read'), file);
  let tiles = 0;
  entries.each(RECORDS, (key, content) => {
    if (tierAndBlock(key) !== null) tiles += content.length;
  });
  await entries.close();
  return { file: statSync(file).blocks * 512, tiles };
}

/** Prints the bytes of a user on the disk next to those of the user's tiles. The rest is windows, batch row, keys, sums and pages. */
export async function printBytes(
  directory: string,
  users: number,
  { name, atMost }: { readonly name: string; readonly atMost: number },
): Promise<void> {
  const { file, tiles } = await bytesOf(directory);
  printFigure({
    name: `bytes a user in the online store, ${name}, ${users.toLocaleString('en')} users`,
    unit: 'bytes',
    value: file / users,
    yardstick: 'content of the tiles',
    yardstickValue: tiles / users,
    aim: { of: 'ratio', atMost },
  });
}
