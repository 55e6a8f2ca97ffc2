import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { collectGarbage } from '../../src/registry/collect-garbage.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { startBatch } from '../../src/serving/batch/start-batch.ts';
import { openSqliteRegistry, registryFile } from '../../src/site/open-registry.ts';
import { asked, came, small } from '../models/small-project.ts';
import { batchSite, inputRows, siteContext, writeInput } from './batch-site.ts';
import { answeredProject, event, PARTITIONS, project, registerVersions } from './stream-site.ts';

/** The holds of a directory, and what a call of the registry there says. */
async function registryOf<T>(directory: string, work: (registry: ReturnType<typeof openSqliteRegistry>) => Promise<T>) {
  const registry = openSqliteRegistry(registryFile(directory));
  try {
    return await work(registry);
  } finally {
    await registry.close();
  }
}

const holdsOf = (directory: string) =>
  registryOf(directory, async (registry) => (await registry.holds()).map(({ holder, version }) => [holder, version]));

const deleted = (directory: string, version: number) =>
  registryOf(directory, (registry) => registry.deleteVersion('small', version, { at: 1 }));

test.each([
  ['scored', project],
  ['answered', answeredProject],
])(
  'the versions of the stream %s cannot be deleted, from before their plan until nothing needs them',
  async (name, declared) => {
    const directory = mkdtempSync(join(tmpdir(), 'headrace-held-'));
    await registerVersions(directory);
    let now = Date.UTC(2026, 0, 1);
    const open = (given: Parameters<typeof openHeadrace>[0]['project']) =>
      openHeadrace({ project: given, environment: { directory, partitions: PARTITIONS }, clock: () => now });
    let headrace = await open(declared);
    const send = async () => {
      for (let i = 0; i < 9; i += 1) {
        now += 1_000;
        await headrace.ingest(asked, [event(now, now)]);
      }
      await headrace.tick();
    };
    await send();
    await headrace.promote(small, 2);
    await send();
    await headrace.stream(name).roll({ version: 3 });
    const held = [1, 2, 3].map((version) => [`stream/${name}/${version}`, version]);
    expect(await holdsOf(directory)).toEqual(held);
    await send();
    await headrace.close();

    for (const version of [1, 3])
      await expect(deleted(directory, version)).rejects.toMatchObject({
        code: 'REGISTRY_NEEDED',
        message: expect.stringContaining(`stream/${name}/${version}`),
      });
    await deleted(directory, 4);

    // A restart knows what it held; a project without the stream lets it go.
    headrace = await open(declared);
    await headrace.tick();
    expect(await holdsOf(directory)).toEqual(held);
    await headrace.close();
    headrace = await open(defineProject('p', { asked, came, small }));
    await headrace.close();
    expect(await holdsOf(directory)).toEqual([]);
    await deleted(directory, 3);
  },
);

test('a batch job holds its version while it runs, whatever its end', async () => {
  const site = await batchSite();
  const from = await writeInput(inputRows(500), join(site, 'in.parquet'));
  const context = siteContext(site);
  const seen: unknown[] = [];
  const start = (to: string, more: object = {}) =>
    startBatch(small, { from, to: join(site, to), version: 2, workers: 1, ...more }, context);
  const look = async () => {
    const [hold] = await context.registry.holds();
    seen.push(hold);
    await expect(context.registry.deleteVersion('small', 2, { at: 1 })).rejects.toMatchObject({
      code: 'REGISTRY_NEEDED',
    });
    await collectGarbage(context, Date.now() + 1e12);
  };
  let looks: Promise<void> | null = null;
  const job = await start('out', {
    onProgress: () => {
      looks ??= look();
    },
  });
  await job.result;
  await looks;
  expect(seen).toEqual([{ holder: `batch/${job.id}`, model: 'small', version: 2 }]);
  expect(await context.registry.holds()).toEqual([]);

  const stop = new AbortController();
  const cancelled = await start('cancelled', { signal: stop.signal, onProgress: () => stop.abort() });
  await expect(cancelled.result).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
  expect(await context.registry.holds()).toEqual([]);
});
