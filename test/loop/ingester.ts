// Run as its own process by kill-loop.ts: takes purchases until it is killed. Prints how many are acknowledged.
import { seededRandom } from '../../src/base/rng.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { project, purchases, USERS } from './shop.ts';

const MINUTE_MS = 60_000;
const [directory = '', from = '0', seed = '1'] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const below = (bound: number): number => Math.floor(random() * bound);

const headrace = await openHeadrace({ project, environment: { directory, partitions: 3, cacheKeys: 1_000 } });
let flushing: Promise<void> | null = null;
let next = Number(from);
// This many keys that their commit, and those that follow, are written by a thread.
const crowd = Array.from({ length: 1_200 }, (_, i) => purchase(next++, `crowd ${i}`));
await headrace.ingest(purchases, crowd);
process.stdout.write(`${next}\n`);
for (;;) {
  const events = Array.from({ length: 1 + below(40) }, () => purchase(next++));
  if (below(3) === 0) events.push(purchase(below(next)));
  const { refused } = await headrace.ingest(purchases, events);
  if (refused.length > 0) throw new Error(JSON.stringify(refused));
  process.stdout.write(`${next}\n`);
  // Ingesting continues while the stores are written.
  if (flushing === null && below(4) === 0)
    flushing = headrace.flush().then(() => {
      flushing = null;
    });
  await new Promise((resolve) => setImmediate(resolve));
}

/** Up to twelve minutes old where ten are allowed. */
function purchase(n: number, user = USERS[below(USERS.length)]) {
  return {
    purchase: `p${n}`,
    at: Date.now() - below(12 * MINUTE_MS),
    user,
    item: `item ${below(9)}`,
    cents: below(10_000) - 100,
  };
}
