import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { HOPS, mustAgree, numberedCommit, tileOf } from './numbered-tiles.ts';

// Commits numbered tiles until it is killed, three at once and then one that a thread writes; prints the number of each commit
// that returned.
const store = openOnlineStore({ path: process.argv[2] });
const more = Array.from({ length: 2_100 }, (_, i) => tileOf(`more ${i}`, HOPS[0], 0, 1));
let commit = await mustAgree(store);
process.stdout.write(`${commit}\n`);
for (;;) {
  for (let i = 0; i < 3; i += 1) {
    await store.writeTiles(numberedCommit(commit + 1));
    commit += 1;
    process.stdout.write(`${commit}\n`);
  }
  const { tiles, ...at } = numberedCommit(commit + 1);
  const open = store.openCommit?.();
  open?.add(more);
  open?.add(tiles);
  await open?.finish(at);
  commit += 1;
  process.stdout.write(`${commit}\n`);
  await new Promise((resolve) => setImmediate(resolve));
}
