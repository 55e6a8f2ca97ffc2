import { join } from 'node:path';
import { embeddedHistory, embeddedLog, embeddedOnline } from '../backends/embedded/back-ends.ts';
import { hasEvents } from '../backends/embedded/log/segment-files.ts';
import { flinkEngine } from '../backends/flink/back-end.ts';
import { kafkaLog } from '../backends/kafka/back-end.ts';
import { redisOnline } from '../backends/redis/back-end.ts';
import { sparkConnectHistory, sparkEngine, sparkHistory } from '../backends/spark/back-ends.ts';
import type { Environment } from '../environment/config.ts';
import { environmentId, topicReaderId } from '../environment/environment-id.ts';
import { rowBytesOf } from '../featurestore/memory/memory-part.ts';
import type { BackEndPlace, EngineBackEnd, HistoryBackEnd, LogBackEnd, OnlineBackEnd } from '../ports/back-end.ts';
import type { ProfileEngine } from '../ports/profile-engine.ts';
import type { ScoreEngine } from '../ports/score-engine.ts';
import { pemOf, secretOf } from './secrets.ts';

/** A descriptor for every kind of the options `U` of an environment. */
type Table<U extends { readonly kind: string }, B> = {
  readonly [K in U['kind']]: (options: Extract<U, { readonly kind: K }>, place: BackEndPlace) => B;
};

const logs: Table<Environment['log'], LogBackEnd> = {
  embedded: embeddedLog,
  kafka: (options, place) => kafkaLog(options, place, () => hasEvents(join(place.directory, 'log'))),
};

const onlineStores: Table<Environment['online'], OnlineBackEnd> = { embedded: embeddedOnline, redis: redisOnline };

/** null: this process computes the tiles. */
const engines: Table<Environment['engine'], EngineBackEnd | null> = {
  embedded: () => null,
  flink: flinkEngine,
  spark: sparkEngine,
};

const histories: Table<Environment['offline']['engine'], HistoryBackEnd> = {
  embedded: embeddedHistory,
  spark: sparkHistory,
  sparkConnect: sparkConnectHistory,
};

export function logOf(environment: Environment, onFault?: (error: unknown) => void): LogBackEnd {
  return opened(logs, environment.log, environment, onFault);
}

export function onlineOf(environment: Environment, onFault?: (error: unknown) => void): OnlineBackEnd {
  return opened(onlineStores, environment.online, environment, onFault);
}

/** The engine elsewhere that computes the tiles; null: this process does. */
export function engineOf(environment: Environment): EngineBackEnd | null {
  return opened(engines, environment.engine, environment);
}

export function historyOf(environment: Environment): HistoryBackEnd {
  return opened(histories, environment.offline.engine, environment);
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

function opened<U extends { readonly kind: string }, B>(
  table: Table<U, B>,
  options: U,
  environment: Environment,
  onFault: (error: unknown) => void = () => undefined,
): B {
  // The compiler does not see that an entry takes the options of its own kind.
  const open = table[options.kind as U['kind']] as (options: U, place: BackEndPlace) => B;
  return open(options, placeOf(environment, onFault));
}

function placeOf(environment: Environment, onFault: (error: unknown) => void): BackEndPlace {
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
    onFault,
  };
}
