import { mkdirSync } from 'node:fs';
import { must } from './binaries.ts';

/** Whom a certificate is for: this machine. */
const NAMES = 'subjectAltName=IP:127.0.0.1,DNS:localhost';

/**
 * Makes an authority, and certificates of this machine that it vouches for, as files in PEM form: `ca.crt`; `server.crt` and
 * `server.key`; `client.crt` and `client.key`. Keys are PKCS #8.
 */
export async function makeCertificates(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await make(folder, 'ca', ['-addext', 'basicConstraints=critical,CA:TRUE']);
  for (const name of ['server', 'client'])
    await make(folder, name, ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-addext', NAMES]);
}

async function make(folder: string, name: string, more: readonly string[]): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
  await must(
    'openssl',
    ['req', '-x509', ...key, '-out', `${name}.crt`, '-subj', `/CN=${name}`, '-days', '2', ...more],
    folder,
  );
}
