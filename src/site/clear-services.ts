import type { Environment } from '../environment/config.ts';
import { engineOf, logOf, onlineOf } from './back-ends/environment-back-ends.ts';

/**
 * Removes the data of an environment from its services, by the start of names: jobs, then their output. Each name is a
 * namespace and the character that ends it there: `:` in Redis, `.` in Kafka, a blank in Flink. Jobs of Spark have no names, but
 * folders in the `directories` of their environments. Everything is tried; throws the first failure.
 */
export async function clearServices(
  environment: Environment,
  namesOf: (end: string) => string,
  directories: readonly string[],
): Promise<void> {
  const failures: unknown[] = [];
  for (const backEnd of [engineOf(environment), logOf(environment), onlineOf(environment)])
    await backEnd?.clear(namesOf, directories).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
