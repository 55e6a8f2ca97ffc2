// @module-tag deep

import { once } from 'node:events';
import { createClient } from 'redis';
import { afterEach, expect, test } from 'vitest';
import { resolveEnvironment } from '../../src/environment/config.ts';
import { openReader, type Reader } from '../../src/running/reader.ts';
import { openTileWriter } from '../../src/site/tile-writing.ts';
import { addressOf } from './addresses.ts';
import { OwnServer } from './own-server.ts';
import { changedProject, PAGES, service, USERS } from './tile-project.ts';
import { likeEmbedded, TileSite } from './tile-site.ts';
import { WriterProcesses } from './writer-processes.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

function writersOf(site: TileSite): WriterProcesses {
  const writers = new WriterProcesses(site.options.environment);
  ending.push(() => writers.kill());
  return writers;
}

/** Reads on and on, until it is stopped, and says how many answers were degraded; of the others each is to be whole. */
function watch(site: TileSite, reader: Reader): () => Promise<number> {
  const state = { stopped: false, degraded: 0 };
  const watching = (async () => {
    while (!state.stopped) {
      const q = Date.now();
      const asked = USERS.map((user, i) => reader.read(service, { user, page: PAGES[i] }, q));
      const answers = await Promise.all(asked).catch(() => null);
      if (answers === null) continue;
      if (answers.some(({ degraded }) => degraded)) state.degraded += 1;
      else if (answers.every(({ stale }) => stale.length === 0))
        expect(answers.map(({ values }) => values)).toEqual(site.expected(q));
    }
  })();
  return async () => {
    state.stopped = true;
    await watching;
    return state.degraded;
  };
}

async function flushed({ url }: OwnServer): Promise<void> {
  const client = createClient({ url });
  await client.connect();
  await client.flushAll();
  client.destroy();
}

test('three processes write the tiles of Flink to a Redis: one is killed, the Redis flushed and killed, and answers are right', async () => {
  const server = await OwnServer.start();
  ending.push(() => server.end());
  const site = new TileSite({ online: { kind: 'redis', url: server.url, writers: 'many' }, partitions: 6 });
  ending.push(() => site.end());
  const headrace = await site.open(changedProject);
  await site.jobs((jobs) => jobs.deploy(), changedProject);
  const writers = writersOf(site);
  const first = await writers.start();
  await Promise.all([writers.start(), writers.start()]);
  await site.send(headrace, 500);
  await site.whole(headrace);
  const reader = await openReader({ ...site.options, project: changedProject });
  ending.push(() => reader.close());
  await site.whole(reader);
  await site.wholeOfBoth(reader);
  expect(site.faults).toEqual([]);

  // One is killed during the flow, and its next life has its partitions at once.
  for (let i = 0; i < 10; i += 1) {
    await site.send(headrace, 100);
    if (i === 3) {
      first.kill('SIGKILL');
      await once(first, 'close');
    }
  }
  await writers.start();
  await site.whole(headrace);
  await site.whole(reader);
  await site.wholeOfBoth(reader);

  // What was acknowledged is lost, of the same server and of one that comes again.
  for (const lose of [() => flushed(server), () => server.kill().then(() => server.start())]) {
    const stop = watch(site, reader);
    await lose();
    await site.whole(reader);
    await site.wholeOfBoth(reader);
    expect(await stop()).toBeGreaterThan(0);
  }
  await site.send(headrace, 200);
  await site.whole(headrace);
  await site.wholeOfBoth(reader);
  await likeEmbedded(site, headrace);
});

test('a process that is killed for good leaves its partitions to the others, and no answer is smaller for it', async () => {
  const site = new TileSite({
    online: { kind: 'redis', url: [...addressOf('REDIS_CLUSTER_NODES')], writers: 'many' },
    partitions: 4,
  });
  ending.push(() => site.end());
  const headrace = await site.open(changedProject);
  await site.jobs((jobs) => jobs.deploy(), changedProject);
  const shares: (readonly number[])[] = [];
  const environment = resolveEnvironment('test', site.options.environment, 'site');
  const onFault = (error: unknown) => site.faults.push(error);
  const own = await openTileWriter(changedProject, environment, { onFault, onShares: (has) => shares.push(has) });
  ending.push(() => own.close());
  const killed = await writersOf(site).start();
  await site.send(headrace, 300);
  await site.whole(headrace);
  killed.kill('SIGKILL');
  await once(killed, 'close');
  await site.send(headrace, 300);
  // Its lease ends after three seconds.
  await site.whole(headrace);
  await site.wholeOfBoth(headrace);
  expect(shares.at(-1)).toHaveLength(4);
  expect(site.faults).toEqual([]);
});
