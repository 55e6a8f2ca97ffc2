import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { KeyRing } from '../operating/key-ring.ts';
import type { Certificate } from './certificate.ts';
import { type HostList, hostList, isLoopback } from './host-list.ts';
import type { PageRule } from './page-rule.ts';
import { answerAll, answerKeys, type RequestCheck } from './request-check.ts';

export interface ListenOptions {
  readonly host: string;
  /** Names that clients use in addition to those of this machine, as a proxy passes them on. */
  readonly hosts?: readonly string[];
  /** Paths of certificate (with its chain) and key, PEM. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** A proxy in front of the server has TLS. */
  readonly tlsAtProxy?: boolean;
}

/** How a server that listens as the options say checks its callers, and what it encrypts with. */
export interface Secured {
  readonly check: RequestCheck;
  readonly tls: Certificate | null;
  readonly hosts: HostList;
  readonly pages: PageRule;
}

/**
 * On this machine only, everybody is answered. Beyond it there must be keys and TLS, here or at a proxy. `directory` is the
 * environment's. Errors: AUTH_NO_KEYS, AUTH_TLS, AUTH_TLS_FILE, KEYS_FILE.
 */
export function secured(options: ListenOptions, directory: string): Secured {
  const { host, tls, tlsAtProxy = false } = options;
  const hosts = hostList(options);
  const names = (options.hosts ?? []).map((name) => name.toLowerCase());
  const files = tls === undefined ? null : readTls(tls);
  if (isLoopback(host)) return { check: answerAll, tls: files, hosts, pages: { names, keyed: false } };
  const ring = new KeyRing(directory);
  if (ring.size === 0) throw fail('AUTH_NO_KEYS', { host });
  if (files === null && !tlsAtProxy) throw fail('AUTH_TLS', { host });
  return { check: answerKeys(ring), tls: files, hosts, pages: { names, keyed: true } };
}

function readTls({ certFile, keyFile }: NonNullable<ListenOptions['tls']>): Certificate {
  try {
    const read = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
    createSecureContext(read);
    return read;
  } catch (error) {
    throw fail('AUTH_TLS_FILE', { reason: reasonOf(error) }, error);
  }
}
