import { fail } from '../../base/errors/fail.ts';

/** Where a cluster is, and how long one request to it may take, ms. */
export interface KafkaAddress {
  /** `host:port` of some brokers. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly timeoutMs: number;
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
