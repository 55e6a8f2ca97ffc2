import { setTimeout as sleep } from 'node:timers/promises';
import {
  defineProject,
  type EnvironmentOptions,
  featureService,
  lookup,
  openHeadrace,
  openReader,
  text,
} from 'headrace';
import { zipf } from '../examples/personalisation/zipf.ts';
import { seededRandom } from '../src/base/rng.ts';
import { withTileJobs } from '../src/compose/tile-jobs.ts';
import { resolveEnvironment } from '../src/environment/config.ts';
import { quantile } from './measure.ts';
import { purchases, spend } from './shop.ts';

const SECONDS = 20;
const WARM_UP_SECONDS = 60;
const SLICE_MS = 5;
const PROBE_EVERY = 4;
const USERS = 20_000;

const only = featureService('only', {
  request: { user: text() },
  join: (r) => ({ spend: lookup(spend, { user: r.user }) }),
});
const project = defineProject('tiles_bench', { only });

export interface EventToServable {
  readonly environment: EnvironmentOptions;
  /** Events every 5 ms. */
  readonly events: number;
  /** Whether another process's reader answers. */
  readonly byReader: boolean;
}

/**
 * From an event's being due to its being in what is answered, tiles by another engine: ms, one for each probe. Open loop: events every 5 ms, in
 * every fourth slice one of them a probe, of its own user, which is read again and again until it is there.
 */
export async function eventToServable({ environment, events, byReader }: EventToServable): Promise<readonly number[]> {
  const headrace = await openHeadrace({ project, environment });
  const jobs = <T>(work: Parameters<typeof withTileJobs<T>>[3]) =>
    withTileJobs(project, resolveEnvironment('bench', environment, project.name), 'change', work);
  await jobs((all) => all.deploy());
  const reader = byReader ? await openReader({ project, environment }) : null;
  const times: number[] = [];
  try {
    const rank = zipf(USERS, seededRandom(1));
    const waiting = new Map<string, number>();
    const started = performance.now();
    const answersFrom = reader ?? headrace;
    let reading = true;
    const watching = (async () => {
      while (reading || waiting.size > 0) {
        if (performance.now() - started > (WARM_UP_SECONDS + SECONDS + 30) * 1_000)
          throw new Error(`${waiting.size} events never came: ${JSON.stringify(headrace.status().lag)}`);
        // Those that came first: after a standstill too many wait to look at all of them.
        for (const [user, dueAt] of [...waiting].slice(0, 50)) {
          const { values } = await answersFrom.read(only, { user });
          if (values.every((value) => value === null || value === 0 || value === 0n)) continue;
          waiting.delete(user);
          if (dueAt - started > WARM_UP_SECONDS * 1_000) times.push(performance.now() - dueAt);
        }
        await sleep(2);
      }
    })();
    const slices = ((WARM_UP_SECONDS + SECONDS) * 1_000) / SLICE_MS;
    const sent: Promise<unknown>[] = [];
    for (let slice = 0; slice < slices; slice += 1) {
      const dueAt = started + slice * SLICE_MS;
      while (performance.now() < dueAt) await sleep(Math.max(0, dueAt - performance.now()));
      const users = Array.from({ length: events - 1 }, () => `u${rank()}`);
      const probe = slice % PROBE_EVERY === 0 ? `probe${slice}` : `u${rank()}`;
      if (slice % PROBE_EVERY === 0) waiting.set(probe, dueAt);
      const rows = [...users, probe].map((user, i) => ({
        id: `e${slice}-${i}`,
        at: Date.now(),
        user,
        price: 5,
        items: 1,
      }));
      sent.push(Promise.resolve(headrace.ingest(purchases, rows)));
    }
    await Promise.all(sent);
    reading = false;
    await watching;
  } finally {
    // Also after a failure: what runs on would be measured with the next.
    await reader?.close();
    await jobs((all) => all.stop());
    await headrace.close();
  }
  return times;
}

/** Quantiles in words. */
export function timesText(times: readonly number[]): string {
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((q) => quantile(times, q).toFixed(0));
  return `${times.length} probes, p50 ${p50} ms, p90 ${p90} ms, p99 ${p99} ms, most ${Math.max(...times).toFixed(0)} ms`;
}
