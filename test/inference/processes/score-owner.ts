import { openHeadrace } from '../../../src/running/headrace.ts';
import { asked } from '../../models/small-project.ts';
import { until } from '../../until.ts';
import { scoreProject } from '../score-site.ts';
import { event, PARTITIONS, VERSIONS } from '../stream-site.ts';

// Owns an environment whose scores go to a source, a receiver and a folder: sends events, some of them again, rolls, and prints a line
// for each step. It continues where a killed one stopped, and ends once a line on its input says so.
const [directory, url, folder, seed] = process.argv.slice(2);
let isEnding = false;
process.stdin.once('data', () => {
  isEnding = true;
});
const sinks = {
  hook: { kind: 'webhook', url, timeout: '2s' },
  files: { kind: 'files', directory: folder, every: '1ms' },
} as const;
const headrace = await openHeadrace({
  project: scoreProject(sinks).project,
  environment: { directory, partitions: PARTITIONS },
});
const stream = headrace.stream('scored');
await headrace.tick();
let sent = Number(seed) * 1_000_000;
let before: ReturnType<typeof event>[] = [];
console.log('open');
for (let step = 0; !isEnding; step += 1) {
  const now = Date.now();
  const fresh = Array.from({ length: 1 + (step % 7) }, () => {
    sent += 1;
    return event(sent, now);
  });
  await headrace.ingest(asked, [...before.slice(0, 2), ...fresh]);
  before = fresh;
  if (step % 4 === 0)
    await stream.roll({ version: 1 + (step % VERSIONS), cutOver: { kind: 'immediate' }, replace: true });
  await headrace.tick();
  console.log(`step ${step}`);
}
// Until every sink has what is there.
await until(async () => {
  await headrace.tick();
  const isScored = stream.status.partitions.every(({ waiting }) => waiting === 0);
  return isScored && headrace.status().streamOutputs.every(({ waiting }) => waiting === 0);
});
console.log(`outputs ${JSON.stringify((await stream.outputs({ cursor: null, most: 1_000_000 })).outputs)}`);
await headrace.close();
console.log('closed');
