import { join } from 'node:path';
import { departures, schedule } from '../flights/declaration.ts';
import { replaySteps, type Step } from '../flights/flights.ts';
import { replayClock } from '../flights/replay-clock.ts';
import { readTopic } from './read-topic.ts';
import { departedEvent, openSite, readSite, scheduledEvent } from './site.ts';

// Scores the stream of a site as `headrace serve` does, while the flights of a share of its live time come, minute by minute. It prints
// how many outputs are committed. It may die anywhere, and sends no flight twice. Messages on its channel are rolls to make. Its last
// line has the processor time of the scoring.
const [directory, until] = process.argv.slice(2);
const { liveFrom, flights } = await readSite(directory);
const log = join(directory, 'log');
const sent = new Set(
  [schedule, departures].flatMap(({ name }) => readTopic(log, `${name}@1`).map(({ id }) => `${name} ${id}`)),
);
const clock = replayClock(liveFrom);
const headrace = await openSite({ directory, clock });
const stream = headrace.stream('late');
const committed = () => stream.status.partitions.reduce((sum, { next }) => sum + next, 0);
const waiting = () => stream.status.partitions.reduce((sum, one) => sum + one.waiting, 0);

type Roll = Parameters<typeof stream.roll>[0];
const rolls: Roll[] = [];
process.on('message', (roll) => rolls.push(roll as Roll));
const before = committed();
const shown = setInterval(() => console.log(committed()), 5);
let cpuMs = 0;
let ms = 0;

/** A turn of the stream, as a server has once a second. */
async function turn(): Promise<void> {
  const [cpu, begun] = [process.cpuUsage(), performance.now()];
  if (stream.status.rollingTo === null && rolls[0] !== undefined) {
    await stream.roll(rolls[0]);
    rolls.shift();
    console.log('rolled');
  }
  await headrace.tick();
  const { user, system } = process.cpuUsage(cpu);
  cpuMs += (user + system) / 1_000;
  ms += performance.now() - begun;
}

async function live({ at, scheduled, departed }: Step): Promise<void> {
  clock.set(at);
  const isNew = (name: string) => (one: { readonly id: string }) => !sent.has(`${name} ${one.id}`);
  const due = scheduled.filter(isNew(schedule.name));
  const left = departed.filter(isNew(departures.name));
  if (due.length > 0) await headrace.ingest(schedule, due.map(scheduledEvent));
  if (due.length > 0) await turn();
  if (left.length > 0) await headrace.ingest(departures, left.map(departedEvent));
}

await turn();
for await (const minute of replaySteps(flights)) {
  if (minute.at < liveFrom) continue;
  if (minute.at >= Number(until)) break;
  await live(minute);
}
do await turn();
while (waiting() > 0 || rolls.length > 0 || stream.status.rollingTo !== null);
clearInterval(shown);
const scored = committed() - before;
process.disconnect();
console.log(committed());
await headrace.close();
console.log(JSON.stringify({ scored, cpuMs, ms }));
