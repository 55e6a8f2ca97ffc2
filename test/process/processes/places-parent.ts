// Starts a child at every place, one after the other, and says when all run.
import { until } from '../../until.ts';
import { starts } from '../places.ts';
import { listed } from '../processes.ts';

const [folder = '', sleeper = ''] = process.argv.slice(2);
// Programs of Headrace are started by the Node of this process: here by the sleeper.
process.execPath = sleeper;

// A guard is no child of this process, and `ps` itself is none when it has ended.
const children = () =>
  listed().filter(({ parent, command }) => parent === process.pid && command.includes('sleep ')).length;

for (const [index, start] of starts.entries()) {
  const before = children();
  Promise.resolve(start({ folder, sleeper })).catch((error) => console.error(`start ${index}: ${error}`));
  await until(() => children() > before, { everyMs: 20 });
  console.log(`started ${index}`);
}
console.log('all run');
setInterval(() => undefined, 1_000);
