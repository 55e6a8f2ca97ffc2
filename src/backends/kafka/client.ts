import { isIP } from 'node:net';
import { fail } from '../../base/errors/fail.ts';

/** How a cluster is reached; secrets are here already, and nowhere else. */
export interface KafkaAddress {
  /** `host:port` of some brokers. */
  readonly brokers: readonly string[];
  /** The time limit of one request, ms. */
  readonly timeoutMs: number;
  /** The credentials of the client; none without it. */
  readonly sasl?: {
    readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
    readonly username: string;
    readonly password: string;
  };
  /** PEM of the trusted authorities (without `ca`: the system's) and of the client's certificate; without it no TLS. */
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    /** The name that the certificates are for, where it is not that of each broker. */
    readonly servername?: string;
  };
}

/** The options of every part of the client. */
export function clientOptions({ brokers, timeoutMs, sasl, tls }: KafkaAddress, clientId: string) {
  const { servername, ...pem } = tls ?? {};
  // The server name may be sent in TLS, an address may not.
  const named = !brokers.some((broker) => isIP(hostOf(broker)) !== 0);
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    timeout: timeoutMs,
    connectTimeout: Math.min(timeoutMs, 5_000),
    retries: 3,
    retryDelay: 200,
    ...(sasl === undefined ? {} : { sasl: { ...sasl } }),
    ...(tls === undefined ? {} : { tls: pem, tlsServerName: servername ?? named }),
  };
}

/**
 * How long a broker that hangs is waited for, of every client that joins no group: the client has 30 s of its own, with each try. A broker may
 * hold a fetch back for as long as its caller asks, and a member's join for as long as the others take.
 */
export function answersWithin({ timeoutMs }: KafkaAddress): { readonly requestTimeout: number } {
  return { requestTimeout: timeoutMs + MOST_HELD_MS };
}

/** The longest that a fetch here asks a broker to wait, ms. */
const MOST_HELD_MS = 500;

function hostOf(broker: string): string {
  return broker.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

/** The used part of the client library. */
export type Client = Pick<typeof import('@platformatic/kafka'), 'Admin' | 'Consumer' | 'Producer'>;

/** Loads the client, which who uses Kafka installs. Error: LOG_CLIENT. */
export async function loadClient(): Promise<Client> {
  try {
    return await import('@platformatic/kafka');
  } catch (error) {
    throw fail('LOG_CLIENT', {}, error);
  }
}
