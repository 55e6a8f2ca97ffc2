import { isHeadraceError } from '../../../src/base/errors/fail.ts';
import { openHeadrace } from '../../../src/running/headrace.ts';
import { asked } from '../../models/small-project.ts';
import { until } from '../../until.ts';
import { event, PARTITIONS, project, VERSIONS } from '../stream-site.ts';

// One of the processes of a stream on Kafka: sends events, rolls from one version to the next, and prints a line for each step. A line
// on its input ends it, once no record waits.
const [directory, namespace, broker, seed] = process.argv.slice(2);
let isEnding = false;
process.stdin.once('data', () => {
  isEnding = true;
});
/** A long run at a low rate costs little. */
const PAUSE_MS = Number(process.env['HEADRACE_STREAM_PAUSE_MS'] ?? 20);
const headrace = await openHeadrace({
  project,
  environment: { directory, namespace, partitions: PARTITIONS, log: { kind: 'kafka', brokers: [broker] } },
  onFault: (error) => console.log(`fault ${String(error)}`),
});
const stream = headrace.stream('scored');
let sent = Number(seed) * 10_000_000;

/** Leaves the processor to the others. */
async function pause(ms: number): Promise<void> {
  const end = Date.now() + ms;
  await until(() => Date.now() >= end);
}

async function send(count: number): Promise<void> {
  const at = Date.now();
  const events = Array.from({ length: count }, () => {
    sent += 1;
    return event(sent, at);
  });
  // A process that was stopped may be rejected; the judge counts what is in the log.
  await headrace.ingest(asked, events).catch((error: unknown) => console.log(`ingest ${String(error)}`));
}

/** Background work that failed is reported, and done again by a later turn. */
async function tick(): Promise<void> {
  await headrace.tick().catch((error: unknown) => console.log(`tick ${String(error)}`));
}

async function roll(step: number): Promise<void> {
  const cutOvers = [
    { kind: 'at-offset', offsets: null },
    { kind: 'immediate' },
    { kind: 'at-event-time', at: Date.now() + 5 },
    { kind: 'canary-keys', buckets: 5_000, salt: 's' },
  ] as const;
  const version = 1 + ((step + Number(seed)) % VERSIONS);
  try {
    await stream.roll({ version, cutOver: cutOvers[step % cutOvers.length] });
  } catch (error) {
    // Others plan too.
    if (!isHeadraceError(error, 'STREAM_PLAN') && !isHeadraceError(error, 'MODEL_NONE'))
      console.log(`roll ${String(error)}`);
  }
}

console.log('open');
for (let step = 0; !isEnding; step += 1) {
  await send(1 + (step % 7));
  if (step % 5 === 0) await roll(step / 5);
  await tick();
  console.log(`step ${step}`);
  await pause(PAUSE_MS);
}
// A plan that waits for an event time, and partitions of processes that died, take their time.
for (let isDone = false; !isDone; ) {
  if (stream.status.rollingTo !== null) await send(30);
  await tick();
  const { partitions, rollingTo } = stream.status;
  isDone =
    rollingTo === null && partitions.length > 0 && partitions.every(({ here, waiting }) => here && waiting === 0);
  await pause(50);
}
await headrace.close();
console.log('closed');
