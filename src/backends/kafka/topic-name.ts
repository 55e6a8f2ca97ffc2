import { fail } from '../../base/errors/fail.ts';

/** The characters of a Kafka topic, except the dot, which replaces the `@` of our names. */
const TOPIC = /^[A-Za-z0-9_-]{1,180}@\d{1,9}$/;

/** The Kafka topic of a log topic: `shop.orders.1` for `orders@1` under the prefix `shop.`. Error: LOG_TOPIC. */
export function topicName(prefix: string, topic: string): string {
  if (!TOPIC.test(topic)) throw fail('LOG_TOPIC', { topic });
  return `${prefix}${topic.replace('@', '.')}`;
}
