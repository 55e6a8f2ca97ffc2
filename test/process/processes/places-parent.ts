// Starts a child at every place, one after the other, and says when all run.
import { until } from '../../until.ts';
import { places } from '../places.ts';
import { listed } from '../processes.ts';

const [folder = '', sleeper = ''] = process.argv.slice(2);
// Programs of Headrace are started by the Node of this process: here by the sleeper.
process.execPath = sleeper;

// A guard is no child of this process, and `ps` itself is none when it has ended.
const children = () =>
  listed().filter(({ parent, command }) => parent === process.pid && command.includes('sleep ')).length;

for (const [file, place] of Object.entries(places)) {
  if ('leftOut' in place) continue;
  const before = children();
  Promise.resolve(place.start({ folder, sleeper })).catch((error) => console.error(`${file}: ${error}`));
  await until(() => children() > before, { everyMs: 20 });
  console.log(`started ${file}`);
}
console.log('all run');
setInterval(() => undefined, 1_000);
