// Run as its own process by kill-publisher.ts: publishes numbered changes until it is killed, and prints the number of each.
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { counted, KILL_SETTINGS, nextNumber, squares } from './numbered-changes.ts';

const path = process.argv[2] ?? '';
const store = await openOfflineStore({ path, access: 'write', clock: Date.now, ...KILL_SETTINGS });
process.stdout.write('open\n');
for (let n = await nextNumber(store); ; n += 1) {
  await store.publish({
    writer: 'publisher',
    position: { topic: [n] },
    mode: 'append',
    tables: [
      { table: counted, rows: 1, columns: [[n], ['x'.repeat(n % 50)]] },
      { table: squares, rows: 2, columns: [[n * n, -n * n]] },
    ],
  });
  process.stdout.write(`${n}\n`);
}
