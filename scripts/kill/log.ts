// Kills a process that writes an event log at random points and checks the log after each:
// node scripts/kill/log.ts [kills = 200] [seed = 1]
import { checkLog, killWriter, LOG_WRITER } from '../../test/stores/kill-writer.ts';
import { killOften } from './kill-often.ts';

await killOften({ name: 'log', what: 'records', mostLines: 2_000 }, async (path, at, last) =>
  checkLog(path, Math.max(last, await killWriter(LOG_WRITER, path, at))),
);
