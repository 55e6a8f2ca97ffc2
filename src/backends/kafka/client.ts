import { fail } from '../../base/errors/fail.ts';

/** Where a cluster is, and how long one request to it may take, ms. */
export interface KafkaAddress {
  /** `host:port` of some brokers. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly timeoutMs: number;
}

/** What every part of the client is given. */
export function clientOptions({ brokers, clientId, timeoutMs }: KafkaAddress) {
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    timeout: timeoutMs,
    connectTimeout: Math.min(timeoutMs, 5_000),
    retries: 3,
    retryDelay: 200,
  };
}

/** What of the client is used here. */
export type Client = Pick<typeof import('@platformatic/kafka'), 'Admin' | 'Consumer' | 'Producer'>;

/** Loads the client, which who uses Kafka installs. Error: LOG_CLIENT. */
export async function loadClient(): Promise<Client> {
  try {
    return await import('@platformatic/kafka');
  } catch (error) {
    throw fail('LOG_CLIENT', {}, error);
  }
}
