import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { mustAgree } from './numbered-tiles.ts';

// Reads a store over and over while another process writes it; prints the number of each commit it comes to see.
const store = openOnlineStore({ path: process.argv[2], access: 'read' });
let last = -1;
async function look(): Promise<void> {
  const seen = await mustAgree(store);
  if (seen < last) throw new Error(`saw ${seen} after ${last}`);
  if (seen > last) process.stdout.write(`${seen}\n`);
  last = seen;
  setImmediate(look);
}
await look();
