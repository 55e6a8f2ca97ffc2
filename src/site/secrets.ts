import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import type { TlsFiles } from '../ports/options.ts';

/** The value of the variable that an option names. Error: CONFIG_SECRET. */
export function secretOf({ env: name }: { readonly env: string }, option: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw fail('CONFIG_SECRET', { option, name });
  return value;
}

/** The contents of the files of TLS, in PEM form, as clients take them. */
export interface Pem {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

/** Reads the files of TLS, and tries them. Errors: CONFIG_TLS. */
export function pemOf({ ca, cert, key, servername }: TlsFiles): Pem {
  const read = {
    ...(ca === undefined ? {} : { ca: fileOf(ca, (text) => ({ ca: text })) }),
    ...(cert === undefined ? {} : { cert: fileOf(cert, (text) => ({ cert: text })) }),
    ...(key === undefined ? {} : { key: fileOf(key, (text) => ({ key: text })) }),
  };
  tryOut(key ?? '', read);
  return { ...read, ...(servername === undefined ? {} : { servername }) };
}

function fileOf(path: string, as: (text: string) => Pem): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw fail('CONFIG_TLS', { path, reason: reasonOf(error) }, error);
  }
  tryOut(path, as(text));
  return text;
}

function tryOut(path: string, pem: Pem): void {
  try {
    createSecureContext(pem);
  } catch (error) {
    throw fail('CONFIG_TLS', { path, reason: reasonOf(error) }, error);
  }
}
