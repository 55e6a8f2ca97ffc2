import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { HOPS, mustAgree, numberedCommit, tileOf } from './numbered-tiles.ts';

// Fills a store until the disk takes no longer; prints the error's code, the last whole commit, and what can be read then.
const store = openOnlineStore({ path: process.argv[2] });
let last = 0;
try {
  for (;;) {
    const { tiles, ...commit } = numberedCommit(last + 1);
    const more = Array.from({ length: 500 }, (_, i) => tileOf(`more ${last} ${i}`, HOPS[0], 0, 1));
    await store.writeTiles({ ...commit, tiles: [...tiles, ...more] });
    last += 1;
  }
} catch (error) {
  if (!isHeadraceError(error)) throw error;
  console.log(error.code);
}
console.log(last);
console.log(await mustAgree(store));
await store.close();
