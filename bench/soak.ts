import { parseArgs } from 'node:util';
import { openLoop } from '../examples/personalisation/open-loop.ts';
import { slopeOf } from './measure.ts';
import { shop, shopper } from './shop.ts';
import { runningShop, serveShop, USERS } from './shop-server.ts';
import { wrk } from './wrk.ts';

/**
 * Serves for a long time at 70 % of the peak and watches the memory: `npm run example bench/soak.ts -- --seconds 600`.
 * Prints one JSON object; the resident set by minute, without the first fifth, and the slope of the least squares through its
 * samples, one every two seconds: what the old generation gathers between two collections is in it, up and down. Exit code 1
 * where an answer was none.
 */
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '600' } } });
const seconds = Number(values.seconds);
const { headrace, now } = await runningShop(shop);
const { server, url } = await serveShop(headrace, shopper);
const bodies = Array.from({ length: 1_000 }, (_, i) =>
  JSON.stringify({ request: { user: `u${(i * 7) % USERS}`, at: now, basket: i } }),
);
const peak = await wrk(url, 5, bodies);
const perSecond = 0.7 * peak.requestsPerSecond;
const started = performance.now();
const samples: { readonly minute: number; readonly mb: number }[] = [];
const timer = setInterval(() => {
  samples.push({ minute: (performance.now() - started) / 60_000, mb: process.memoryUsage.rss() / 1e6 });
}, 2_000);
const seen = await openLoop(url, { bodies, connections: 256, perSecond, seconds, warmUpSeconds: seconds / 5 });
clearInterval(timer);
await server.close();
await headrace.close();
const settled = samples.slice(Math.floor(samples.length / 5));
console.log(
  JSON.stringify({
    seconds,
    perSecond: Math.round(perSecond),
    ...seen,
    rssMb: settled.filter((_, i) => i % 30 === 0).map(({ mb }) => Math.round(mb)),
    rssMbPerMinute: Number(slopeOf(settled.map(({ minute, mb }) => [minute, mb])).toFixed(3)),
    rssNoiseMb: Number(noiseOf(settled).toFixed(1)),
  }),
);
if (seen.errors + seen.turnedAway > 0) process.exitCode = 1;

/** Standard deviation of the samples about that line, MB. */
function noiseOf(points: typeof samples): number {
  const slope = slopeOf(points.map(({ minute, mb }) => [minute, mb]));
  const rest = points.map(({ minute, mb }) => mb - slope * minute);
  const mean = rest.reduce((sum, mb) => sum + mb, 0) / rest.length;
  return Math.sqrt(rest.reduce((sum, mb) => sum + (mb - mean) ** 2, 0) / rest.length);
}
