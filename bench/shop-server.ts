import { createServer, type Server } from 'node:http';
import {
  type EnvironmentOptions,
  type FeatureServiceData,
  type Headrace,
  openHeadrace,
  type ProjectData,
  startServer,
} from 'headrace';
import { loadLargePast } from './large-past.ts';
import { purchases, scratchDirectory } from './shop.ts';

const MINUTE_MS = 60_000;
const START = Date.UTC(2026, 0, 10, 14, 27);

/** Users of the running shop. */
export const USERS = 1_000;

/** A shop with a day of purchases by each of its users, one about each quarter of an hour and each 5 minutes of the last hour. */
export async function runningShop(
  project: ProjectData,
  users = USERS,
  { start = START, ...environment }: EnvironmentOptions & { readonly start?: number } = {},
): Promise<{ readonly headrace: Headrace; readonly now: number }> {
  let now = start - 25 * 60 * MINUTE_MS;
  const headrace = await openHeadrace({
    project,
    // 10,000 such users take 530 MB of tiles, more than the default leaves them.
    environment: { directory: scratchDirectory(), sampleRate: 0, memory: '2GiB', ...environment },
    clock: () => now,
  });
  let id = 0;
  const source = headrace.source(purchases.name);
  for (now = start - 25 * 60 * MINUTE_MS; now < start; now += 5 * MINUTE_MS) {
    if (now < start - 70 * MINUTE_MS && (start - now) % (15 * MINUTE_MS) !== 0) continue;
    const events = Array.from({ length: users }, (_, u) => {
      id += 1;
      return { id: `e${id}`, at: now - 1, user: `u${u}`, price: (id * 31) % 1_000, items: id % 9 };
    });
    await headrace.ingest(source, events);
  }
  now = start;
  await headrace.flush();
  for (const view of project.views) if (view.kind === 'batchView') await headrace.backfill(view);
  return { headrace, now };
}

/** Users of the large shop: more than its memory holds. */
export const LARGE_USERS = Number(process.env['HEADRACE_BENCH_USERS'] ?? 1_000_000);

const LARGE_BATCH = 5_000;

/** A shop of many users that is open, and its time. */
interface OpenShop {
  readonly headrace: Headrace;
  readonly now: number;
}

/**
 * A shop with three purchases of each of many users, opened again with a budget of memory that holds a tenth of
 * them, about: nothing is in memory at first.
 */
export async function largeShop(project: ProjectData, users = LARGE_USERS): Promise<OpenShop> {
  const directory = scratchDirectory();
  await (await fillLargeShop(project, directory, users)).headrace.close();
  return openLargeShop(project, directory, users);
}

/** Opens the shop of a directory that is filled. */
export async function openLargeShop(project: ProjectData, directory: string, users: number): Promise<OpenShop> {
  const environment = { directory, sampleRate: 0, memory: largeMemory(users) };
  return { headrace: await openHeadrace({ project, environment, clock: () => START }), now: START };
}

/** The memory of a large shop: 400 MB of a million users, 1 GB of ten million. */
export function largeMemory(users: number): number {
  return Math.max(2 ** 24, Math.min(users * 400, 400e6), users * 100);
}

/** More users than these have their past loaded as files. */
export const MANY_USERS = 1_000_000;
/** Of this many users whose past is loaded, one buys once more in the last hour. */
const BUYS_AGAIN = 50;

/** The shop as it is filled: all is in its stores. */
export async function fillLargeShop(project: ProjectData, directory: string, users: number): Promise<OpenShop> {
  const isLoaded = users > MANY_USERS;
  if (isLoaded) await loadLargePast(project, { directory, users, now: START });
  let now = START - (isLoaded ? 20 : 60) * MINUTE_MS;
  const filling = await openHeadrace({
    project,
    environment: { directory, sampleRate: 0, memory: 2 ** 30 },
    clock: () => now,
  });
  const source = filling.source(purchases.name);
  const every = isLoaded ? BUYS_AGAIN : 1;
  let id = 0;
  for (; now < START; now += 20 * MINUTE_MS) {
    for (let from = 0; from < users; from += LARGE_BATCH * every) {
      const events = Array.from({ length: Math.min(LARGE_BATCH, Math.ceil((users - from) / every)) }, (_, i) => {
        id += 1;
        return { id: `e${id}`, at: now - 1, user: `u${from + i * every}`, price: (id * 31) % 1_000, items: id % 9 };
      });
      await filling.ingest(source, events);
      await filling.tick();
    }
  }
  now = START;
  await filling.flush();
  for (const view of project.views) if (view.kind === 'batchView') await filling.backfill(view);
  return { headrace: filling, now };
}

/** A bare `node:http` server that answers a short text: the yardstick of HTTP. */
export async function helloServer(): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end('hello');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { server, url: `http://127.0.0.1:${port}/` };
}

/** The URL of a service's feature route on a running server. */
export async function serveShop(headrace: Headrace, service: FeatureServiceData) {
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  return { server, url: `${server.url}/v1/features/${service.name}` };
}
