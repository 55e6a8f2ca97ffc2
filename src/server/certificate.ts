import type { TlsOptions } from 'node:tls';

/** A certificate with its chain, and its key, as PEM texts. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Time of a client to agree on encryption, ms: a closing server does not wait longer. */
const HANDSHAKE_MS = 10_000;

/** The TLS options of a server that speaks one protocol. */
export function secureOptions({ cert, key }: Certificate, protocol: 'http/1.1' | 'h2' = 'http/1.1'): TlsOptions {
  return { cert, key, handshakeTimeout: HANDSHAKE_MS, ALPNProtocols: [protocol] };
}
