// Kills a process that writes an online store at random points and checks the store after each:
// node scripts/kill/online.ts [kills = 200] [seed = 1]
import { checkOnlineStore, killWriter, STORE_WRITER } from '../../test/stores/kill-writer.ts';
import { killOften } from './kill-often.ts';

await killOften({ name: 'online', what: 'commits', mostLines: 60 }, async (path, at, last) =>
  checkOnlineStore(path, Math.max(last, await killWriter(STORE_WRITER, path, at))),
);
