import type { z } from 'zod';
import { parseDuration } from '../../base/time.ts';
import { STREAM_GENERATION } from '../../features/engine/stream-engine.ts';
import type { BackEndPlace, EngineBackEnd, HistoryBackEnd, HistoryFact } from '../../ports/back-end.ts';
import type { BackEndRow } from '../../ports/back-end-row.ts';
import { historyFolder, tileJobsFolder } from './folders.ts';
import { sparkHistoryEngine } from './history-engine.ts';
import { sparkConnectOptions, sparkEngineOptions, sparkHistoryOptions } from './options.ts';
import { sparkProfileEngine } from './profile-engine.ts';
import { connectScoreEngine, sparkScoreEngine } from './score-engine.ts';
import { sparkTileJob, sparkTileJobTexts } from './tile-job.ts';
import { endDrivers, killDrivers, SparkTileJobs } from './tile-jobs.ts';

/** The port of Connect servers without an option. */
const CONNECT_PORT = 15_002;

export const sparkEngine: BackEndRow<z.output<typeof sparkEngineOptions>, BackEndPlace, EngineBackEnd> = {
  kind: 'spark',
  folder: 'spark',
  is: 'streaming queries of Spark compute the tiles',
  options: sparkEngineOptions,
  facts: [],
  open: engineOn,
};

function engineOn(options: z.output<typeof sparkEngineOptions>, place: BackEndPlace): EngineBackEnd {
  const { jars, mode, checkpoint } = options;
  const folder = tileJobsFolder(place.directory);
  return {
    kind: 'spark',
    called: 'Spark',
    clientPackages: '',
    addresses: [options.master],
    lacks: [],
    jobTexts: sparkTileJobTexts,
    job: ({ project, key, reader, log, tileTopic }) => {
      const eventTopic = ({ name, version }: { readonly name: string; readonly version: number }) =>
        log.topicName(`${name}@${version}`);
      const job = sparkTileJob(project, { mark: log.mark, eventTopic, tileTopic, generation: STREAM_GENERATION });
      const stateMs = Math.max(...job.queries.map(({ keptMs }) => keptMs));
      return {
        settings: { stateTtl: `${stateMs} ms`, checkpoint },
        texts: job.queries.flatMap(({ rows, increments }) => [rows, increments]),
        control: (surroundings, client) =>
          new SparkTileJobs({
            ...surroundings,
            key,
            job,
            spark: options,
            jars,
            group: `${log.prefix}${reader}`,
            kafka: { 'bootstrap.servers': log.addresses.join(','), ...client?.shown, ...client?.secret },
            realTime: mode === 'realTime',
            everyMs: parseDuration(checkpoint, 'engine.checkpoint'),
            partitions: place.partitions,
            directory: folder,
            clock: Date.now,
          }),
      };
    },
    kill: () => killDrivers(folder),
    end: () => endDrivers(folder, Date.now),
    shortCheckpoint: mode === 'realTime' ? '5s' : '1s',
    // Its jobs have no names, but folders in the directories of their environments.
    clear: async (_, directories) => {
      for (const directory of directories) await endDrivers(tileJobsFolder(directory), Date.now);
    },
  };
}

export const sparkHistory: BackEndRow<
  z.output<typeof sparkHistoryOptions>,
  BackEndPlace,
  HistoryBackEnd,
  HistoryFact
> = {
  kind: 'spark',
  folder: 'spark',
  is: 'an application of Spark over the files of the history',
  options: sparkHistoryOptions,
  facts: ['scores', 'profiles'],
  open: applicationHistory,
};

function applicationHistory(
  options: z.output<typeof sparkHistoryOptions>,
  { directory }: BackEndPlace,
): HistoryBackEnd {
  const { scoreJars, ...spark } = options;
  const folder = historyFolder(directory);
  return {
    kind: 'spark',
    engine: sparkHistoryEngine(spark, folder),
    profiles: sparkProfileEngine(spark, folder),
    ...(scoreJars.length === 0 ? {} : { scores: sparkScoreEngine(spark, scoreJars, folder) }),
  };
}

export const sparkConnectHistory: BackEndRow<
  z.output<typeof sparkConnectOptions>,
  BackEndPlace,
  HistoryBackEnd,
  HistoryFact
> = {
  kind: 'sparkConnect',
  folder: 'spark',
  is: 'a Spark Connect server over the files of the history',
  options: sparkConnectOptions,
  facts: ['scores'],
  open: connectHistory,
};

/** Errors: CONFIG_SECRET, CONFIG_TLS. */
function connectHistory(
  { url, token, tls, conf, scorePython }: z.output<typeof sparkConnectOptions>,
  { directory, secretOf, pemOf }: BackEndPlace,
): HistoryBackEnd {
  const host = url.slice('sc://'.length);
  const server = {
    address: /:\d+$/.test(host) ? host : `${host}:${CONNECT_PORT}`,
    token: token === undefined ? null : secretOf(token, 'offline.engine.token'),
    tls: tls === undefined ? null : pemOf(tls),
    conf,
  };
  const folder = historyFolder(directory);
  return {
    kind: 'sparkConnect',
    engine: sparkHistoryEngine(server, folder),
    ...(scorePython === undefined ? {} : { scores: connectScoreEngine(server, scorePython, folder) }),
  };
}
