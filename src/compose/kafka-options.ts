import type { KafkaAddress } from '../backends/kafka/client.ts';
import type { KafkaLogOptions } from '../backends/kafka/event-log.ts';
import { parseDuration } from '../base/time.ts';
import type { Environment } from '../environment/config.ts';
import { pemOf, secretOf } from './secrets.ts';

type KafkaLog = Extract<Environment['log'], { kind: 'kafka' }>;

/** What every topic of an environment begins with. */
export function topicPrefix({ namespace }: Environment): string {
  return `${namespace}.`;
}

/**
 * How the brokers that an option of an environment names are reached, with secrets and files in the place of their names. Errors:
 * CONFIG_SECRET, CONFIG_TLS.
 */
export function kafkaAddress(
  { brokers, timeout, sasl, tls }: Pick<KafkaLog, 'brokers' | 'timeout' | 'sasl' | 'tls'>,
  option: string,
): KafkaAddress {
  return {
    brokers,
    timeoutMs: parseDuration(timeout, `${option}.timeout`),
    ...(sasl === undefined ? {} : { sasl: { ...sasl, password: secretOf(sasl.password, `${option}.sasl.password`) } }),
    ...(tls === undefined ? {} : { tls: pemOf(tls) }),
  };
}

/** How the log of an environment is reached. Errors: those of `kafkaAddress`. */
export function kafkaOptions(environment: Environment, log: KafkaLog): KafkaLogOptions {
  return { ...kafkaAddress(log, 'log'), replicas: log.replicas, prefix: topicPrefix(environment) };
}
