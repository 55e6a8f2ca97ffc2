import { defineProject, featureService, lookup, openHeadrace, text } from 'headrace';
import { zipf } from '../examples/personalisation/zipf.ts';
import { seededRandom } from '../src/base/rng.ts';
import { DurationHistogram } from '../src/observe/duration-histogram.ts';
import { printFigure } from './figure.ts';
import { purchases, scratchDirectory, spend } from './shop.ts';

/**
 * Write to readable while 20,000 events a second come in, embedded stores in one process that commits and publishes as a
 * server does. Open loop: events are due at fixed instants, a slice of 100 every 5 ms, and one of each slice is a probe, of its
 * own user: it counts from when it was due to when a read of its user has it. A slice that is held up by a commit, a publish or the
 * collector makes its events, and those after it, late. Yardstick in the same run: the same slices with nothing to do.
 */
const SECONDS = 30;
const SLICE_MS = 5;
const EVENTS = 100;
const KEYS = 100_000;

const rank = zipf(KEYS, seededRandom(1));
const only = featureService('only', {
  request: { user: text() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
});
const headrace = await openHeadrace({
  project: defineProject('freshness_bench', { only }),
  environment: { directory: scratchDirectory(), sampleRate: 0 },
});

const eventAt = (id: string, user: string) => ({ id, at: Date.now(), user, price: 5, items: 1 });

const probes = new DurationHistogram();
let ticking = Promise.resolve();
const timer = setInterval(() => {
  ticking = ticking.then(() => headrace.tick());
}, 1_000);
let unseen = 0;
await slices(async (slice, dueAt) => {
  const user = `probe${slice}`;
  const events = Array.from({ length: EVENTS - 1 }, (_, i) => eventAt(`e${slice}-${i}`, `u${rank()}`));
  await headrace.ingest(purchases, [...events, eventAt(`p${slice}`, user)]);
  const { features } = await headrace.vector(only, { user });
  if (Object.values(features).every((value) => value === null || value === 0)) unseen += 1;
  probes.add(performance.now() - dueAt);
});
clearInterval(timer);
await ticking;
await headrace.close();
if (unseen > 0) throw new Error(`${unseen} probes were not in the first read after their write`);

const idle = new DurationHistogram();
await slices(async (_, dueAt) => idle.add(performance.now() - dueAt));

const p99 = probes.percentile(0.99) ?? Number.NaN;
console.log(
  `${probes.count} probes: p50 ${probes.percentile(0.5)?.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, p99.9 ${probes.percentile(0.999)?.toFixed(2)} ms, most ${probes.percentile(1)?.toFixed(2)} ms`,
);
printFigure({
  name: 'write to readable, p99, at 20,000 events/s, open loop, embedded',
  unit: 'ms',
  value: p99,
  yardstick: 'the same slices with nothing to do',
  yardstickValue: idle.percentile(0.99) ?? Number.NaN,
  aim: { of: 'value', atMost: 100 },
});

/** Calls for every slice when it is due, or as soon after as the previous one has ended. */
async function slices(work: (slice: number, dueAt: number) => Promise<unknown>): Promise<void> {
  const started = performance.now();
  for (let slice = 0; slice < (SECONDS * 1_000) / SLICE_MS; slice += 1) {
    const dueAt = started + slice * SLICE_MS;
    while (performance.now() < dueAt)
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueAt - performance.now())));
    await work(slice, dueAt);
  }
}
