import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { openOfflineStore } from '../backends/embedded/offline/offline-store.ts';
import { historyFolder } from '../backends/spark/folders.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import type { Delivery } from '../features/engine/delivery.ts';
import type { TileLayout } from '../features/tile/tile-layout.ts';
import { topicOf } from '../featurestore/ingest/gateway.ts';
import { sourceRows } from '../featurestore/ingest/source-rows.ts';
import { parquetRelation } from '../featurestore/parquet-relation.ts';
import type { BroughtTable, ReadTable } from '../ports/history-engine.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import { historyOf, logOf, onlineOf } from './back-ends/environment-back-ends.ts';
import { declaredJob, withTileJobs } from './tile-jobs.ts';
import { onEngine, openTileTopics } from './tile-topics.ts';

const KEEP_RETIRED_MS = 60_000;

/** The log of an environment. */
export function logSubject(environment: Environment) {
  return { open: () => logOf(environment).openSmall() };
}

/** The online store of an environment; `remote` where it is behind a network. */
export function onlineSubject(environment: Environment) {
  const online = onlineOf(environment);
  const { failures: remote } = online;
  return { open: () => remote?.open() ?? online.open(null), remote };
}

/** The online store of an environment as many processes write its tiles. */
export function sharesSubject(environment: Environment) {
  const { failures } = onlineOf(environment);
  if (failures === null) throw new RangeError('the environment has no store over a network');
  return failures.shared;
}

/** An offline store below a directory, whose path has what paths may have. */
export function offlineSubject(directory: string) {
  let now = 1_700_000_000_000;
  mkdirSync(directory, { recursive: true });
  return {
    // Quotes, blanks, characters of patterns and what looks like a partition are allowed in the path of a store.
    open: (access: 'write' | 'read') =>
      openOfflineStore({
        path: join(directory, "it's [a] *store? n=1"),
        access,
        clock: () => now,
        keepRetiredMs: KEEP_RETIRED_MS,
      }),
    outlastRetired: () => {
      now += KEEP_RETIRED_MS;
    },
    outside: directory,
    files: {
      remove: (path: string) => rmSync(path),
      truncate: (path: string) => truncateSync(path, statSync(path).size - 9),
      replace: (path: string, by: string) => copyFileSync(by, path),
    },
  };
}

/** The engine of an environment that makes tiles, its job over the environment's log, and its topics. */
export function tileTopicsSubject(environment: Environment) {
  return {
    begin: async (layouts: readonly TileLayout[], partitions: number) => {
      const { engine } = onEngine(environment);
      // Checkpoints come soon, whatever the environment says.
      const own = {
        ...environment,
        partitions,
        engine: { ...environment.engine, checkpoint: engine.shortCheckpoint },
      };
      const project = projectOf(layouts);
      const [source] = project.sources;
      const topic = topicOf(source);
      const { encode } = sourceRows({}, 'json')(source);
      const { reader } = declaredJob(project, own);
      const deploy = () => withTileJobs(project, own, 'change', (jobs) => jobs.deploy());
      let { jobId } = await deploy();
      const log = await logOf(own).open();
      await log.openTopic(topic, partitions);
      const topics = await openTileTopics(project, own);
      return {
        topics,
        now: Date.now(),
        append: async (partition: number, deliveries: readonly Delivery[]) => {
          const records = deliveries.map(({ id, ts, ingestTs, row }) => {
            return { id, ts, ingestTs, payload: encode(row, ingestTs) };
          });
          await log.append(topic, partition, records);
        },
        behind: async () => {
          const ends = await log.ends(topic);
          const done = (await log.committed(reader, topic)) ?? [];
          return ends.reduce((sum, { end }, p) => sum + Math.max(0, end - (done[p] ?? 0)), 0);
        },
        interrupt: async () => {
          await engine.kill(jobId);
          ({ jobId } = await deploy());
        },
        close: async () => {
          await engine.end(jobId);
          await topics.close();
          await log.close();
        },
      };
    },
  };
}

function projectOf(layouts: readonly TileLayout[]): ProjectData {
  const views = layouts.map(({ view }) => view);
  const sources = views.slice(0, 1).map(({ source }) => source);
  return { kind: 'project', name: 'verify', sources, views, services: [], models: [] };
}

const NUMBERS = { key: 'STRING', value: 'BIGINT' } as const;

function numbersSql(rows: number): string {
  return `SELECT 'k' || (i % 7) AS key, i AS value FROM range(0, ${rows}) AS r(i)`;
}

/** The engine over the history of an environment, in its directory. */
export function historySubject(environment: Environment) {
  const { engine } = historyOf(environment);
  if (engine === null) throw new RangeError('the environment has no engine of its history');
  const { directory } = environment;
  const folder = historyFolder(environment.directory);
  const runs = () => (existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('run=')) : []);
  const withHistory = async <T>(work: (history: OfflineStore) => Promise<T>): Promise<T> => {
    const path = join(directory, 'history');
    const history = await openOfflineStore({ path, access: 'write', clock: Date.now });
    try {
      return await work(history);
    } finally {
      await history.close();
    }
  };
  return {
    open: () => engine.open(() => undefined),
    numbers: async (rows: number): Promise<ReadTable> => {
      const path = resolve(directory, `numbers-${rows}.parquet`);
      await withHistory((history) => history.exportParquet(numbersSql(rows), path));
      const table = { name: 'numbers', columns: NUMBERS };
      return { name: 'numbers', table, files: [{ columns: NUMBERS, paths: [path] }] };
    },
    brings: (rows: number): BroughtTable => ({
      name: 'brought',
      columns: NUMBERS,
      write: (path) => withHistory((history) => history.exportParquet(numbersSql(rows), path)),
    }),
    rows: (paths: readonly string[]) =>
      withHistory(async (history) =>
        (await Array.fromAsync(history.query(`SELECT * FROM ${parquetRelation(paths)}`))).flat(),
      ),
    leave: () => {
      // No process has this id.
      const left = join(folder, 'run=2147483647-1');
      mkdirSync(left, { recursive: true });
      writeFileSync(join(left, 'part'), '');
    },
    left: () => runs().length,
  };
}
