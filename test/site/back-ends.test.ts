import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { trainRunOptions } from '../../src/cli/training/run-options.ts';
import type { BackEndPlace } from '../../src/ports/back-end.ts';
import type { BackEndRow } from '../../src/ports/back-end-row.ts';
import type { TrainingSystem } from '../../src/ports/training-system.ts';
import { alertSinks } from '../../src/site/back-ends/alert-sinks.ts';
import { artifactStores } from '../../src/site/back-ends/artifact-stores.ts';
import { engines, histories, logs, onlineStores } from '../../src/site/back-ends/environment-back-ends.ts';
import { registries } from '../../src/site/back-ends/registries.ts';
import { scoreSinks } from '../../src/site/back-ends/score-sinks.ts';
import { portTables } from '../../src/site/back-ends/tables.ts';
import { submittedTraining, trainingRows } from '../../src/site/back-ends/training-systems.ts';
import { parseExportJob } from '../../src/training/export/export-job.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-back-ends-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const place: BackEndPlace = {
  directory,
  namespace: 'shop',
  project: 'shop',
  durability: 'process',
  partitions: 1,
  rowBytes: 1_000_000,
  dataId: () => 'data',
  memberId: () => 'member',
  secretOf: () => 'secret',
  pemOf: () => ({}),
  hasEventsHere: () => false,
  onFault: () => undefined,
};

const secret = { env: 'SECRET' };

/** The least options of kinds that need any, with those that switch an ability on. */
const least: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  kafka: { brokers: ['127.0.0.1:1'] },
  redis: { url: 'redis://127.0.0.1:1', writers: 'many' },
  flink: { gateway: 'http://127.0.0.1:1', cluster: 'http://127.0.0.1:1' },
  spark: { home: directory, master: 'local[1]', jars: ['a.jar'], scoreJars: ['a.jar'] },
  sparkConnect: { url: 'sc://127.0.0.1:1', scorePython: '3.12' },
  postgres: { url: 'postgres://shop@127.0.0.1:1/shop' },
  s3: { endpoint: 'http://127.0.0.1:1', bucket: 'shop', accessKeyId: secret, secretAccessKey: secret },
  webhook: { url: 'http://127.0.0.1:1', secret },
  slack: { url: secret },
  pagerduty: { routingKey: secret },
  alertmanager: { url: 'http://127.0.0.1:1' },
  smtp: { host: '127.0.0.1', from: 'a@b', to: ['c@d'] },
  issues: { directory },
  files: { directory, everyMs: 0, holdMs: 0 },
};

/** Opens every row of a table, and gives it with its facts. */
async function openAll<B>(
  table: Readonly<Record<string, BackEndRow<never, never, B, string>>>,
  at: object,
): Promise<readonly (readonly [kind: string, opened: Awaited<B>, facts: readonly string[]])[]> {
  const all: [string, Awaited<B>, readonly string[]][] = [];
  for (const [kind, row] of Object.entries(table)) {
    expect(row.kind).toBe(kind);
    const shape = Object.keys(row.options?.shape ?? {});
    const known = Object.entries({ kind, ...least[kind] }).filter(
      ([name]) => row.options === null || shape.includes(name),
    );
    const written = Object.fromEntries(known);
    const options = row.options === null ? { timeoutMs: 1, secret: null, ...written } : row.options.parse(written);
    all.push([kind, await row.open(options as never, at as never), row.facts]);
  }
  return all;
}

/** The kinds whose facts have a name. */
function having(fact: string, all: readonly (readonly [string, unknown, readonly string[]])[]): readonly string[] {
  return all.filter(([, , facts]) => facts.includes(fact)).map(([kind]) => kind);
}

/** The kinds of which something holds. */
function where<B>(all: readonly (readonly [string, B, readonly string[]])[], holds: (opened: B) => boolean) {
  return all.filter(([, opened]) => holds(opened)).map(([kind]) => kind);
}

test('the facts of every row are what its opened back end can do', async () => {
  const log = await openAll(logs, place);
  expect(having('engines', log)).toEqual(where(log, ({ forEngines }) => forEngines !== null));
  expect(having('lanes', log)).toEqual(where(log, ({ openLanes }) => openLanes !== null));
  const online = await openAll(onlineStores, place);
  expect(having('writers', online)).toEqual(where(online, ({ shares }) => shares !== null));
  expect(having('shared', online)).toEqual(where(online, ({ addresses }) => addresses.length > 0));
  expect(where(await openAll(engines, place), (engine) => engine === null)).toEqual(['embedded']);
  const history = await openAll(histories, place);
  expect(having('scores', history)).toEqual(where(history, ({ scores }) => scores !== undefined));
  expect(having('profiles', history)).toEqual(where(history, ({ profiles }) => profiles !== undefined));
  const registry = await openAll(registries, place);
  expect(having('shared', registry)).toEqual(where(registry, ({ monitors }) => monitors === null));
  // Nothing of a shared one is in the directory, and so nothing tells that it has none.
  expect(having('shared', registry)).toEqual(where(registry, ({ mayHave }) => mayHave('alerts')));
  const artifacts = await openAll(artifactStores, place);
  expect(having('shared', artifacts)).toEqual(where(artifacts, (store) => store.constructor.name.startsWith('S3')));
  const scores = await openAll(scoreSinks, { secretIn: () => 'secret' });
  expect(having('exact', scores)).toEqual(where(scores, ({ isExact }) => isExact));
  const alerts = await openAll(alertSinks, { name: 'sink', secretOf: () => 'secret' });
  expect(having('digests', alerts)).toEqual(where(alerts, ({ capabilities }) => capabilities.digests));
});

test('every system that trains is opened by its row', async () => {
  // Those that a call may name, and no other.
  const systems = (trainRunOptions.on.kind?.words ?? []) as readonly TrainingSystem[];
  expect(trainingRows.map(({ kind }) => kind).sort()).toEqual(systems.toSorted());
  const job = parseExportJob({
    version: 1,
    name: 'job',
    command: ['true'],
    steps: 1,
    api: 'http://127.0.0.1:1',
    directory: join(directory, 'job'),
  });
  for (const system of systems) {
    const backend = submittedTraining(system, job, directory);
    expect(backend.kind).toBe(system);
    await backend.close();
  }
});

test('every row has its folder, and each of its facts has words', () => {
  for (const { facts, rows } of portTables)
    for (const row of rows) {
      expect(existsSync(new URL(`../../src/backends/${row.folder}`, import.meta.url))).toBe(true);
      expect(Object.keys(facts)).toEqual(expect.arrayContaining([...row.facts]));
    }
});
