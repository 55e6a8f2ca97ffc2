import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';

// Checks the files of the history of a folder as another user of the system, and prints the outcome.
const [path = ''] = process.argv.slice(2);
const store = await openOfflineStore({ path, access: 'read', clock: Date.now, threads: 1 });
if (process.getuid?.() === 0) process.setuid?.(65_534);
const outcome = await store.check().then(
  (damaged) => `${damaged.length} damaged`,
  (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
);
process.stdout.write(outcome);
process.exit();
