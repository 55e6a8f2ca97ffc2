// Kills a process that writes an online store at random points and checks the store after each:
// node scripts/kill/online.ts [kills = 200] [seed = 1]
import { checkOnlineStore, killWriter, STORE_WRITER } from '../../test/stores/kill-writer.ts';
import { killOften } from './kill-often.ts';

await killOften('online', 'commits', async (path, afterMs, last) =>
  checkOnlineStore(path, Math.max(last, await killWriter(STORE_WRITER, path, afterMs))),
);
