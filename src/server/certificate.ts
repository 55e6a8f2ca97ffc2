import type { TlsOptions } from 'node:tls';

/** A certificate with its chain, and its key, as PEM texts. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Time of a client to agree on encryption, ms: a closing server does not wait longer. */
const HANDSHAKE_MS = 10_000;

/** The TLS options of a server. */
export function secureOptions({ cert, key }: Certificate): TlsOptions {
  return { cert, key, handshakeTimeout: HANDSHAKE_MS, ALPNProtocols: ['http/1.1'] };
}
