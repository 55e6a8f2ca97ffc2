import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fail } from '../../base/errors/fail.ts';

/** The jars through which Spark reads and writes Kafka. */
const NEEDED = [
  'spark-sql-kafka-0-10_',
  'spark-token-provider-kafka-0-10_',
  'kafka-clients-',
  'commons-pool2-',
] as const;

/** Sees that Spark has its Kafka connector, whole. Error: SPARK_CONNECTOR. */
export function requireConnector(home: string, jars: readonly string[]): void {
  const absent = jars.find((path) => !existsSync(path));
  if (absent !== undefined) throw fail('SPARK_CONNECTOR', { home, what: absent });
  const there = [...readdirSync(join(home, 'jars')), ...jars.map((path) => basename(path))];
  const missing = NEEDED.find((name) => !there.some((file) => file.startsWith(name)));
  if (missing !== undefined) throw fail('SPARK_CONNECTOR', { home, what: `${missing}….jar` });
}
