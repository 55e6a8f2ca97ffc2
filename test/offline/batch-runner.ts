// Run as its own process by batch-kill.test.ts: runs a batch view until it is killed, and prints a line for each slice, switch and run.
import { BatchSchedule } from '../../src/featurestore/batch/batch-schedule.ts';
import { killedKey, killedRows, openKilled } from './killed-runs.ts';
import { numberedSql, viewOf } from './numbered-rows.ts';

const open = await openKilled(process.argv[2] ?? '');
const { online, offline } = open;
let stamp = 0;
const view = viewOf(killedKey, () => numberedSql(killedKey, killedRows, `i % 4 <> ${stamp % 4}`, stamp));
const schedule = await BatchSchedule.open({ ...open, views: [view] });
stamp = schedule.health()[0]?.generation ?? 0;

const print = (line: string) => process.stdout.write(`${line}\n`);
const [write, change, publish] = [
  online.writeBatch.bind(online),
  online.switchBatch.bind(online),
  offline.publishQueries.bind(offline),
];
online.writeBatch = async (...slice) => {
  await write(...slice);
  print('slice');
};
online.switchBatch = async (generation) => {
  const switched = change(generation);
  print('switching');
  await switched;
  print('switched');
};
offline.publishQueries = async (queries) => {
  print(queries.mode);
  return publish(queries);
};
for (;;) {
  stamp += 1;
  const { generation } = await schedule.run(view, { acceptLoss: true });
  print(`done ${generation.generation}`);
}
