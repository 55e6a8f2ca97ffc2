import type { KafkaLogOptions } from '../backends/kafka/event-log.ts';
import { parseDuration } from '../base/time.ts';
import type { Environment } from '../config.ts';

type KafkaLog = Extract<Environment['log'], { kind: 'kafka' }>;

/** Where the log of an environment is, and what its topics begin with. */
export function kafkaOptions(namespace: string, { brokers, replicas, timeout }: KafkaLog): KafkaLogOptions {
  return { brokers, replicas, prefix: `${namespace}.`, timeoutMs: parseDuration(timeout, 'log.timeout') };
}
