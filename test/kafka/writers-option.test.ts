import { expect, test } from 'vitest';
import { type EnvironmentOptions, resolveEnvironment, tilesApart } from '../../src/environment/config.ts';
import { defineProject } from '../../src/features/define/declare.ts';
import { withTileJobs } from '../../src/site/tile-jobs.ts';
import { openTileWriter } from '../../src/site/tile-writing.ts';

const log = { kind: 'kafka' as const, brokers: ['127.0.0.1:1'] };
const engine = { kind: 'flink', gateway: 'http://127.0.0.1:1', cluster: 'http://127.0.0.1:2' } as const;
const online = { kind: 'redis', url: 'redis://127.0.0.1:3' } as const;
const many = { ...online, writers: 'many' } as const;

const resolved = (options: EnvironmentOptions) => resolveEnvironment('test', options, 'site');

test('many processes write tiles of a log on Kafka, made by them or by an engine next to them', () => {
  expect(() => resolved({ online: many })).toThrow(/online\.writers: .*set log\.kind to kafka/);
  expect(tilesApart(resolved({ log, online: many }))).toBe(true);
  expect(tilesApart(resolved({ log, engine, online: many }))).toBe(true);
  expect(tilesApart(resolved({ log, engine, online }))).toBe(false);
  expect(tilesApart(resolved({ log, engine }))).toBe(false);
});

test('a process that writes tiles is refused where the one that serves writes them', async () => {
  const project = defineProject('site', {});
  for (const options of [{ log, engine, online }, { log, engine }, {}])
    await expect(openTileWriter(project, resolved(options), { onFault: () => undefined })).rejects.toMatchObject({
      code: 'TILES_WRITERS',
    });
});

test('without a stream view there is nothing to write, and that is said before anything is opened', async () => {
  const environment = resolved({ log, engine, online: many, directory: '/nowhere' });
  await expect(
    openTileWriter(defineProject('site', {}), environment, { onFault: () => undefined }),
  ).rejects.toMatchObject({ code: 'TILES_NONE' });
  await expect(
    withTileJobs(defineProject('site', {}), environment, 'look', async () => undefined),
  ).rejects.toMatchObject({ code: 'TILES_NONE' });
});
