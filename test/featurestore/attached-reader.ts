import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { until } from '../until.ts';

// Has a store open to be read; prints a line when it is, and one for each commit that changed keys.
const store = openOnlineStore({ path: process.argv[2], access: 'read' });
store.follow?.();
process.stdout.write('open\n');
await until(() => {
  const changed = store.follow?.()?.changed ?? [];
  if (changed.length > 0) process.stdout.write('changed\n');
  return false;
});
