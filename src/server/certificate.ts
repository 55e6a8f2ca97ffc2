import type { TlsOptions } from 'node:tls';

/** A certificate with its chain, and its key, as PEM texts. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A client has so long to agree on how to encrypt, ms: nobody waits for it who closes. */
const HANDSHAKE_MS = 10_000;

/** What a server that encrypts is made with. */
export function secureOptions({ cert, key }: Certificate): TlsOptions {
  return { cert, key, handshakeTimeout: HANDSHAKE_MS, ALPNProtocols: ['http/1.1'] };
}
