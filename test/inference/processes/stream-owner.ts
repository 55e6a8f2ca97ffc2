import { openHeadrace } from '../../../src/running/headrace.ts';
import { asked } from '../../models/small-project.ts';
import { until } from '../../until.ts';
import { event, PARTITIONS, project, VERSIONS } from '../stream-site.ts';

// Owns an environment with a stream: sends events, rolls to one version after the other, and prints a line for each step. It resumes
// where a killed one stopped, and ends once it has been asked to by a line on its input.
const [directory, seed] = process.argv.slice(2);
let isEnding = false;
process.stdin.once('data', () => {
  isEnding = true;
});
/** A long run at a low rate costs little. */
const PAUSE_MS = Number(process.env['HEADRACE_STREAM_PAUSE_MS'] ?? 0);
const headrace = await openHeadrace({
  project,
  environment: { directory, partitions: PARTITIONS },
  onFault: (error) => console.log(`fault ${String(error)}`),
});
const stream = headrace.stream('scored');
await headrace.tick();
let sent = stream.status.partitions.reduce((sum, { next }) => sum + next, 0) * 1_000 + Number(seed) * 10_000_000;
let version = Math.max(...stream.status.partitions.map(({ intervals }) => intervals.at(-1)?.version ?? 1));
let before: ReturnType<typeof event>[] = [];
console.log('open');
for (let step = 0; !isEnding; step += 1) {
  const now = Date.now();
  const fresh = Array.from({ length: 1 + (step % 7) }, () => {
    sent += 1;
    return event(sent, now);
  });
  // Some of the last step are sent again, also over a roll.
  await headrace.ingest(asked, [...before.slice(0, 2), ...fresh]);
  before = fresh;
  if (step % 3 === 0 && stream.status.rollingTo === null) {
    version = (version % VERSIONS) + 1;
    const cutOvers = [
      { kind: 'at-offset', offsets: null },
      { kind: 'immediate' },
      { kind: 'at-event-time', at: now + 5 },
      { kind: 'canary-keys', buckets: 5_000, salt: 's' },
    ] as const;
    await stream.roll({ version, cutOver: cutOvers[(step / 3) % cutOvers.length] });
  }
  await headrace.tick();
  console.log(`step ${step}`);
  const end = Date.now() + PAUSE_MS;
  if (PAUSE_MS > 0) await until(() => Date.now() >= end);
}
// A plan that waits for an event time gets one.
for (let i = 0; i < 3; i += 1) {
  await headrace.ingest(
    asked,
    Array.from({ length: 30 }, () => {
      sent += 1;
      return event(sent, Date.now());
    }),
  );
  await headrace.tick();
}
await headrace.close();
console.log('closed');
