import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { mustAgree, numberedCommit } from './numbered-tiles.ts';

// Commits numbered tiles until it is killed; prints the number of each commit that returned.
const store = openOnlineStore({ path: process.argv[2] });
let commit = await mustAgree(store);
process.stdout.write(`${commit}\n`);
function commitSome(): void {
  for (let i = 0; i < 3; i += 1) {
    commit += 1;
    void store.writeTiles(numberedCommit(commit));
    process.stdout.write(`${commit}\n`);
  }
  setImmediate(commitSome);
}
commitSome();
