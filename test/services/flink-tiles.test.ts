import { afterEach, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { openReader } from '../../src/running/reader.ts';
import { addressOf } from './addresses.ts';
import { deep } from './deep.ts';
import { writePoison } from './poison.ts';
import { likeEmbedded, TileSite } from './tile-site.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

function newSite(online?: { kind: 'redis'; url: string }): TileSite {
  const site = new TileSite({ online });
  ending.push(() => site.end());
  return site;
}

test('tiles of Flink answer as a scan of the events does, over restarts and in another process; the history has them too', async () => {
  const site = newSite();
  let headrace = await site.open();
  await site.jobs((jobs) => jobs.deploy());
  await site.send(headrace, 500);
  await site.whole(headrace);
  // Closed before Flink has what comes now.
  await site.send(headrace, 500);
  await headrace.close();
  headrace = await site.open();
  await site.whole(headrace);
  await insideOf(headrace).features.share();
  const reader = await openReader(site.options);
  ending.push(() => reader.close());
  await site.send(headrace, 300);
  await site.whole(headrace);
  await insideOf(headrace).features.share();
  await site.whole(reader);
  await likeEmbedded(site, headrace);
  expect(insideOf(headrace).features.facts.intake?.outcomes.conflict).toBe(0);
  const taken = insideOf(headrace).features.facts.intake?.outcomes.applied;
  expect(taken).toBeGreaterThan(0);
  expect(site.faults).toEqual([]);
});

test('tiles of Flink in a Redis answer as a scan of the events does', deep, async () => {
  const site = newSite({ kind: 'redis', url: addressOf('REDIS_URL')[0] });
  const headrace = await site.open();
  await site.jobs((jobs) => jobs.deploy());
  await site.send(headrace, 500);
  await site.whole(headrace);
  const reader = await openReader(site.options);
  ending.push(() => reader.close());
  await site.send(headrace, 500);
  await site.whole(headrace);
  await site.whole(reader);
  expect(site.faults).toEqual([]);
});

test('records that nobody can read hold up neither Flink nor the process, and change no tile', deep, async () => {
  const site = newSite();
  const headrace = await site.open();
  await site.jobs((jobs) => jobs.deploy());
  const topic = `${site.namespace}.clicks.1`;
  await site.send(headrace, 200);
  const poison = await writePoison(addressOf('KAFKA_BROKERS'), topic, 0);
  await site.send(headrace, 200);
  await site.whole(headrace);
  await likeEmbedded(site, headrace);
  // Found once by this process and once by that of the embedded engine.
  expect(site.faults.map((fault) => isHeadraceError(fault) && fault.code)).toEqual(
    Array.from({ length: 2 * poison }, () => 'LOG_FOREIGN'),
  );
  const [status] = await site.jobs((jobs) => jobs.status());
  expect(status).toMatchObject({ state: 'RUNNING', failures: [] });
  expect((await site.jobs((jobs) => jobs.upgrade(() => undefined))).compared.keys).toBe(8);
});

test('an environment whose tiles Flink makes is not opened with the engine of the process', deep, async () => {
  const site = newSite();
  const headrace = await site.open();
  await site.send(headrace, 10);
  await headrace.close();
  await expect(
    openHeadrace({ ...site.options, environment: { ...site.options.environment, engine: { kind: 'embedded' } } }),
  ).rejects.toMatchObject({ code: 'STORE_ENGINE' });
});
