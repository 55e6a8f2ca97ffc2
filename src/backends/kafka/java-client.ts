import { createPrivateKey } from 'node:crypto';
import type { KafkaAddress } from './client.ts';

/** Settings of a client in Java, by their names there. */
export interface JavaClient {
  readonly shown: Readonly<Record<string, string>>;
  /** The secrets. */
  readonly secret: Readonly<Record<string, string>>;
}

/**
 * How a client in Java, an engine's, reaches the brokers as this one does: who it is, and the wire. Nothing of it is a file of
 * this machine. `classes` goes before the client's packages: connectors carry it under another name.
 */
export function javaClient({ sasl, tls }: KafkaAddress, classes = ''): JavaClient {
  const wire = tls === undefined ? 'PLAINTEXT' : 'SSL';
  const protocol = sasl === undefined ? wire : `SASL_${wire}`;
  const { ca, cert, key } = tls ?? {};
  return {
    shown: {
      ...(protocol === 'PLAINTEXT' ? {} : { 'security.protocol': protocol }),
      ...(sasl === undefined ? {} : { 'sasl.mechanism': sasl.mechanism }),
      ...(ca === undefined ? {} : { 'ssl.truststore.type': 'PEM', 'ssl.truststore.certificates': lineOf(ca) }),
      ...(cert === undefined ? {} : { 'ssl.keystore.type': 'PEM', 'ssl.keystore.certificate.chain': lineOf(cert) }),
    },
    secret: {
      ...(sasl === undefined ? {} : { 'sasl.jaas.config': jaasOf(sasl, classes) }),
      ...(key === undefined ? {} : { 'ssl.keystore.key': lineOf(pkcs8Of(key)) }),
    },
  };
}

function jaasOf({ mechanism, username, password }: NonNullable<KafkaAddress['sasl']>, classes: string): string {
  const module = mechanism === 'PLAIN' ? 'plain.PlainLoginModule' : 'scram.ScramLoginModule';
  const options = `username=${quoted(username)} password=${quoted(password)}`;
  return `${classes}org.apache.kafka.common.security.${module} required ${options};`;
}

/** A text of a JAAS configuration, which Java reads as a Java literal. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** The only form of a key that Java's client reads. */
function pkcs8Of(key: string): string {
  return createPrivateKey(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** PEM on one line: what is between the lines that begin and end a part is without breaks. */
function lineOf(pem: string): string {
  const parts = pem.matchAll(/(-----BEGIN [^-]+-----)([^-]+)(-----END [^-]+-----)/g);
  return [...parts].map(([, begin, base64, end]) => `${begin} ${base64.replaceAll(/\s/g, '')}${end}`).join(' ');
}
