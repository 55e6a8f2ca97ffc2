import type { z } from 'zod';
import type { embeddedLogOptions } from '../backends/embedded/options.ts';
import type { kafkaLogOptions } from '../backends/kafka/options.ts';
import { fail } from '../base/errors/fail.ts';

type Log = z.output<typeof embeddedLogOptions> | z.output<typeof kafkaLogOptions>;

const ENGINES = { flink: 'Flink', spark: 'Spark' } as const;

/** Engine and log must fit each other. Error: CONFIG_OPTION. */
export function checkEngine(
  name: string,
  engine: { readonly kind: 'embedded' | keyof typeof ENGINES },
  log: Log,
): void {
  if (engine.kind === 'embedded') return;
  const refuse = (reason: string) => fail('CONFIG_OPTION', { name, reason });
  const called = ENGINES[engine.kind];
  if (log.kind !== 'kafka') throw refuse(`engine: ${called} reads the log from Kafka; set log.kind to "kafka"`);
  if (log.tls?.servername !== undefined)
    throw refuse(`log.tls.servername: ${called}'s client takes no other name than that of each broker; leave it out`);
}

/** A topic that the log itself writes would come back without end. Error: CONFIG_OPTION. */
export function checkTopics(
  name: string,
  sources: Readonly<Record<string, { readonly topic: string; readonly brokers: readonly string[] }>>,
  log: Log,
  namespace: string,
): void {
  for (const [source, { topic, brokers }] of Object.entries(sources)) {
    const isOwn = topic.startsWith(`${namespace}.`) && /\.[A-Za-z0-9_-]+\.\d+$/.test(topic.slice(namespace.length));
    if (log.kind !== 'kafka' || !isOwn || !brokers.some((broker) => log.brokers.includes(broker))) continue;
    const reason = `sources.${source}.topic: ${topic} is a topic of the log itself; name one of another service`;
    throw fail('CONFIG_OPTION', { name, reason });
  }
}
