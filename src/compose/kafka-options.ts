import type { KafkaLogOptions } from '../backends/kafka/event-log.ts';
import { parseDuration } from '../base/time.ts';
import type { Environment } from '../config.ts';
import { pemOf, secretOf } from './secrets.ts';

type KafkaLog = Extract<Environment['log'], { kind: 'kafka' }>;

/** What every topic of an environment begins with. */
export function topicPrefix({ namespace }: Environment): string {
  return `${namespace}.`;
}

/** How the log of an environment is reached, with secrets and files in the place of their names. Errors: CONFIG_SECRET, CONFIG_TLS. */
export function kafkaOptions(environment: Environment, log: KafkaLog): KafkaLogOptions {
  const { brokers, replicas, timeout, sasl, tls } = log;
  return {
    brokers,
    replicas,
    prefix: topicPrefix(environment),
    timeoutMs: parseDuration(timeout, 'log.timeout'),
    ...(sasl === undefined ? {} : { sasl: { ...sasl, password: secretOf(sasl.password, 'log.sasl.password') } }),
    ...(tls === undefined ? {} : { tls: pemOf(tls) }),
  };
}
