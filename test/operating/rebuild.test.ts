import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { openEventLog } from '../../src/backends/embedded/log/event-log.ts';
import { openOfflineStore } from '../../src/backends/embedded/offline/offline-store.ts';
import { fail } from '../../src/base/errors/fail.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import type { EventOf } from '../../src/features/define/event-source.ts';
import { topicOf } from '../../src/featurestore/ingest/gateway.ts';
import { sourceRows } from '../../src/featurestore/ingest/source-rows.ts';
import { audited } from '../../src/operating/audit-log.ts';
import { backupsWith } from '../../src/operating/backups-of.ts';
import { rebuildHistory } from '../../src/operating/rebuild/rebuild-history.ts';
import type { EventLog } from '../../src/ports/event-log.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { predictionTopic } from '../../src/serving/online/prediction-record.ts';
import { backUpEnvironment } from '../../src/site/back-up.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { rebuildEnvironmentHistory } from '../../src/site/rebuild-history.ts';
import { runCli } from '../cli/run-cli.ts';
import { asked, registerSmall, small } from '../models/small-project.ts';
import { runs } from '../runs.ts';
import { history, orders, project, spend, visitor } from './rebuild-project.ts';

const RUNS = runs(2, 60);
const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 5);

/** Tables of which the log has every row, or from which they follow. */
const REBUILT = /^(unstored\/)?(events|predictions)\/|^tiles\//;

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rebuild-'));
  folders.push(folder);
  return folder;
}

const environmentOf = (directory: string) => resolveEnvironment('local', { directory, partitions: 2 }, 'site');

let original: string;

/** Events with repeated ids, late ones and nulls. */
function ordersOf(round: number): readonly EventOf<typeof orders>[] {
  return Array.from({ length: 40 }, (_, i) => {
    const n = round * 30 + i;
    return {
      id: `o${n}`,
      at: START + round * HOUR_MS - (i % 9 === 0 ? 2 * HOUR_MS : i * 60_000),
      user: `u${n % 7}`,
      price: `${n}.25`,
      weight: n % 5 === 0 ? null : n / 3,
      note: `note ${n % 4}`,
    };
  });
}

beforeAll(async () => {
  original = join(newFolder(), 'data');
  const state = { now: START };
  const open = () =>
    openHeadrace({
      project,
      environment: { directory: original, partitions: 2, sampleRate: 1 },
      clock: () => state.now,
    });
  let headrace = await open();
  const registry = openSqliteRegistry(join(original, 'registry.sqlite'));
  await registerSmall(registry, new FileArtifactStore(join(original, 'artifacts')), 0.3);
  await registry.close();
  await headrace.promote(small, 1);
  for (let round = 0; round < 5; round += 1) {
    state.now = START + round * HOUR_MS;
    await headrace.ingest(orders, ordersOf(round));
    await headrace.backfill(history);
    for (let i = 0; i < 10; i += 1) {
      const request = { name: `u${i}`, number: i, gaps: null, category: i % 3 };
      await headrace.ingest(asked, [{ id: `p${round}-${i}`, at: state.now, ...request }]);
      await headrace.predict(small, `p${round}-${i}`, request);
      await headrace.vector(visitor, { user: `u${i}` });
    }
    await headrace.flush();
    if (round === 2) {
      await headrace.backfill(spend);
      await headrace.close();
      headrace = await open();
    }
  }
  await headrace.forget('user', { user: 'u3' });
  await headrace.close();
}, 120_000);

function parquetFiles(directory: string): readonly string[] {
  const offline = join(directory, 'offline');
  const newest = readdirSync(offline)
    .filter((name) => /^manifest\.\d+\.json$/.test(name))
    .sort((a, b) => Number(a.split('.')[1]) - Number(b.split('.')[1]))
    .at(-1);
  const manifest: { tables: { files: { path: string }[] }[] } = JSON.parse(
    readFileSync(join(offline, newest ?? ''), 'utf8'),
  );
  return manifest.tables.flatMap(({ files }) => files.map(({ path }) => join(offline, path)));
}

const tableOf = (directory: string, file: string) =>
  relative(join(directory, 'offline', 'tables'), file)
    .split('/')
    .slice(0, -1)
    .join('/');

/** The rows of every table that can be read: of tiles those of the newest version. */
async function answersOf(directory: string): Promise<Readonly<Record<string, unknown>>> {
  const store = await openOfflineStore({ path: join(directory, 'offline'), access: 'read', clock: Date.now });
  const answers: Record<string, unknown> = {};
  try {
    for (const { table } of store.tables()) {
      const relation = store.relation(table);
      const keys = [...Object.keys(table.columns).filter((name) => name.startsWith('k_')), 'tile_start'].join(', ');
      const [isTiles] = /^tiles\/[^/]+\/\d+/.exec(table.name) ?? [];
      const tiles = store.tables().find((each) => each.table.name === isTiles);
      const newest =
        tiles && `SELECT ${keys}, MAX(version) AS version FROM ${store.relation(tiles.table)} AS t GROUP BY ${keys}`;
      const rows: unknown[] = [];
      const text =
        newest === undefined
          ? `SELECT * FROM ${relation} AS t`
          : `SELECT DISTINCT * EXCLUDE (version) FROM ${relation} AS t JOIN (${newest}) AS n USING (${keys}, version)`;
      for await (const some of store.query(`SELECT * FROM (${text}) ORDER BY ALL`)) rows.push(...some);
      answers[table.name] = rows;
    }
    return answers;
  } finally {
    await store.close();
  }
}

const harms: Readonly<Record<string, (file: string, place: number) => void>> = {
  'a flipped bit': (file, place) => {
    const bytes = readFileSync(file);
    bytes[Math.floor(place * bytes.length)] ^= 1;
    writeFileSync(file, bytes);
  },
  'a cut': (file, place) => writeFileSync(file, readFileSync(file).subarray(0, Math.floor(place * 100))),
  'no file': (file) => rmSync(file),
};

const isRebuilt = (directory: string, file: string) => REBUILT.test(tableOf(directory, file));

/** A copy of an environment that each case damages and that is then as before. */
function copyOf(directory: string): { readonly path: string; readonly reset: () => void } {
  const path = join(newFolder(), 'data');
  cpSync(directory, path, { recursive: true });
  const reset = () => {
    rmSync(join(path, 'offline'), { recursive: true });
    cpSync(join(directory, 'offline'), join(path, 'offline'), { recursive: true });
  };
  return { path, reset };
}

const harmed = (files: readonly string[]) =>
  fc.record({
    files: fc.subarray([...files], { minLength: 1 }),
    harm: fc.constantFrom(...Object.keys(harms)),
    place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });

test('after a rebuild of damaged files of any table that the log has, every answer is that of the whole history', async () => {
  const wanted = await answersOf(original);
  const tables = Object.keys(wanted);
  for (const kind of ['events/orders@1', 'predictions/small', 'batch/history@1', 'served/visitor@1', 'fed/small'])
    expect(tables).toContain(kind);
  expect(tables.filter((name) => name.startsWith('tiles/spend')).length).toBeGreaterThan(4);
  const { path, reset } = copyOf(original);
  const all = parquetFiles(path);
  await fc.assert(
    fc.asyncProperty(harmed(all), async ({ files, harm, place }) => {
      for (const file of files) harms[harm](file, place);
      const report = await rebuildEnvironmentHistory(project, environmentOf(path), () => undefined);
      const lost = files.filter((file) => !isRebuilt(path, file));
      expect(new Set(report.left.map(({ file }) => file))).toEqual(new Set(lost));
      expect(report).toMatchObject({ damaged: files.length, rebuilt: files.length - lost.length });
      for (const file of lost) cpSync(file.replace(path, original), file);
      expect(await answersOf(path)).toEqual(wanted);
      reset();
    }),
    {
      numRuns: RUNS,
      examples: [
        [{ files: all, harm: 'a flipped bit', place: 0.5 }],
        ...(RUNS > 50 ? all.map((file) => [{ files: [file], harm: 'a cut', place: 0.5 }] as const) : []),
      ] as [{ files: string[]; harm: string; place: number }][],
    },
  );
}, 600_000);

/** A log whose retention has dropped everything before an offset of each partition. */
function trimmed(log: EventLog, from: number): EventLog {
  const beginOf = async (topic: string, partition: number) => {
    const { begin, end } = (await log.ends(topic))[partition];
    return Math.max(begin, Math.min(from, end));
  };
  return {
    capabilities: log.capabilities,
    openTopic: (topic, partitions) => log.openTopic(topic, partitions),
    append: (topic, partition, records) => log.append(topic, partition, records),
    async read(topic, partition, offset, max) {
      const begin = await beginOf(topic, partition);
      if (offset < begin) throw fail('LOG_TRIMMED', { topic, partition, offset, begin });
      return log.read(topic, partition, offset, max);
    },
    ends: async (topic) =>
      Promise.all(
        (await log.ends(topic)).map(async (end, partition) => ({ ...end, begin: await beginOf(topic, partition) })),
      ),
    offsetAtIngest: async (topic, partition, ingestTs) =>
      Math.max(await beginOf(topic, partition), await log.offsetAtIngest(topic, partition, ingestTs)),
    commit: (reader, topic, offsets) => log.commit(reader, topic, offsets),
    committed: (reader, topic) => log.committed(reader, topic),
    retain: (topic, rule) => log.retain(topic, rule),
    close: () => log.close(),
  };
}

test('where the log has lost records, a table is as before or stays damaged with the reason, never another', async () => {
  const wanted = await answersOf(original);
  const { path, reset } = copyOf(original);
  const files = parquetFiles(path).filter((file) => isRebuilt(path, file));
  const seen = { rebuilt: 0, left: 0 };
  await fc.assert(
    fc.asyncProperty(
      harmed(files).map((each) => ({ ...each, files: each.files.slice(0, 3) })),
      fc.integer({ min: 0, max: 100 }),
      async ({ files: hit, harm, place }, from) => {
        for (const file of hit) harms[harm](file, place);
        const log = openEventLog({ path: join(path, 'log'), durability: 'process' });
        const offline = await openOfflineStore({ path: join(path, 'offline'), access: 'write', clock: Date.now });
        for (const source of project.sources) await log.openTopic(topicOf(source), 2);
        await log.openTopic(predictionTopic(small), 1);
        const rowsOf = sourceRows({}, 'compact');
        const report = await rebuildHistory({ project, offline, log: trimmed(log, from), rowsOf });
        await offline.close();
        await log.close();
        for (const { file, reason } of report.left) {
          expect(reason).toMatch(/the log (has|begins)|no longer has|is damaged too/);
          cpSync(file.replace(path, original), file);
        }
        seen.left += report.left.length;
        seen.rebuilt += report.rebuilt;
        expect(await answersOf(path)).toEqual(wanted);
        reset();
      },
    ),
    {
      numRuns: RUNS,
      examples: [
        [{ files: files.slice(0, 1), harm: 'no file', place: 0 }, 100],
        [{ files: files.slice(-1), harm: 'no file', place: 0 }, 0],
      ],
    },
  );
  expect(seen.left).toBeGreaterThan(0);
  expect(seen.rebuilt).toBeGreaterThan(0);
}, 600_000);

test('restore --damaged rebuilds what the log has, and names the backups of what it has not', async () => {
  const folder = newFolder();
  const path = join(folder, 'data');
  cpSync(original, path, { recursive: true });
  const backup = join(folder, 'backup');
  const environment = environmentOf(path);
  await audited(path, { who: 'user', what: 'backup', target: backup }, Date.now, () =>
    backUpEnvironment(environment, backup, 1),
  );
  const [index, module] = ['../../src/index.ts', './rebuild-project.ts'].map(
    (name) => new URL(name, import.meta.url).pathname,
  );
  writeFileSync(
    join(folder, 'headrace.config.ts'),
    `import { defineConfig } from ${JSON.stringify(index)};
import { project } from ${JSON.stringify(module)};
export default defineConfig({ project, environments: { local: { directory: 'data', partitions: 2 } } });`,
  );
  const files = parquetFiles(path);
  const [event = '', served = ''] = ['events/orders', 'served/'].map((table) =>
    files.find((file) => tableOf(path, file).startsWith(table)),
  );
  for (const file of [event, served]) harms['a flipped bit'](file, 0.5);
  const { code, out, err } = await runCli(folder, ['restore', '--damaged']);
  expect(out).toContain('1 of 2 damaged files rebuilt from the event log');
  expect(err).toContain('OFFLINE_UNREBUILT');
  expect(err).toContain(served);
  expect(err).toContain(backup);
  expect(code).toBe(4);
  expect(backupsWith(path, served)).toEqual([backup]);
  expect(backupsWith(path, join(path, 'offline', 'no such file'))).toEqual([]);
});
