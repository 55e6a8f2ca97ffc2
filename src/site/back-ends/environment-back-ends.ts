import { join } from 'node:path';
import { embeddedEngine, embeddedHistory, embeddedLog, embeddedOnline } from '../../backends/embedded/back-ends.ts';
import { hasEvents } from '../../backends/embedded/log/segment-files.ts';
import { flinkEngine } from '../../backends/flink/back-end.ts';
import { kafkaLog } from '../../backends/kafka/back-end.ts';
import { redisOnline } from '../../backends/redis/back-end.ts';
import { sparkConnectHistory, sparkEngine, sparkHistory } from '../../backends/spark/back-ends.ts';
import type { Environment } from '../../environment/config.ts';
import { environmentId, topicReaderId } from '../../environment/environment-id.ts';
import { rowBytesOf } from '../../featurestore/memory/memory-part.ts';
import type {
  BackEndPlace,
  EngineBackEnd,
  HistoryBackEnd,
  HistoryFact,
  LogBackEnd,
  LogFact,
  OnlineBackEnd,
  OnlineFact,
} from '../../ports/back-end.ts';
import { type BackEndTable, openRow } from '../../ports/back-end-row.ts';
import type { ProfileEngine } from '../../ports/profile-engine.ts';
import type { ScoreEngine } from '../../ports/score-engine.ts';
import { pemOf, secretOf } from '../secrets.ts';

export const logs: BackEndTable<Environment['log'], BackEndPlace, LogBackEnd, LogFact> = {
  embedded: embeddedLog,
  kafka: kafkaLog,
};

export const onlineStores: BackEndTable<Environment['online'], BackEndPlace, OnlineBackEnd, OnlineFact> = {
  embedded: embeddedOnline,
  redis: redisOnline,
};

/** null: this process computes the tiles. */
export const engines: BackEndTable<Environment['engine'], BackEndPlace, EngineBackEnd | null> = {
  embedded: embeddedEngine,
  flink: flinkEngine,
  spark: sparkEngine,
};

export const histories: BackEndTable<Environment['offline']['engine'], BackEndPlace, HistoryBackEnd, HistoryFact> = {
  embedded: embeddedHistory,
  spark: sparkHistory,
  sparkConnect: sparkConnectHistory,
};

export function logOf(environment: Environment, onFault?: (error: unknown) => void): LogBackEnd {
  return openRow(logs, environment.log, placeOf(environment, onFault));
}

export function onlineOf(environment: Environment, onFault?: (error: unknown) => void): OnlineBackEnd {
  return openRow(onlineStores, environment.online, placeOf(environment, onFault));
}

/** The engine elsewhere that computes the tiles; null: this process does. */
export function engineOf(environment: Environment): EngineBackEnd | null {
  return openRow(engines, environment.engine, placeOf(environment));
}

export function historyOf(environment: Environment): HistoryBackEnd {
  return openRow(histories, environment.offline.engine, placeOf(environment));
}

/** The engine that scores batch jobs; or, where there is none, the kind of the engine over the history. */
export function scoresOf(environment: Environment): ScoreEngine | string {
  const { kind, scores } = historyOf(environment);
  return scores ?? kind;
}

/** The engine that profiles files; or, where there is none, the kind of the engine over the history. */
export function profilesOf(environment: Environment): ProfileEngine | string {
  const { kind, profiles } = historyOf(environment);
  return profiles ?? kind;
}

function placeOf(environment: Environment, onFault: (error: unknown) => void = () => undefined): BackEndPlace {
  const { directory, namespace, project, durability, partitions, memoryBytes } = environment;
  return {
    directory,
    namespace,
    project,
    durability,
    partitions,
    rowBytes: rowBytesOf(memoryBytes),
    dataId: () => environmentId(directory),
    memberId: () => topicReaderId(directory),
    secretOf,
    pemOf,
    hasEventsHere: () => hasEvents(join(directory, 'log')),
    onFault,
  };
}
