import { z } from 'zod';
import { formatSize, parseSize } from '../base/byte-size.ts';

// Parts of options in headrace.config.ts that several back ends share.

/** `500ms`, `7d`. */
export const duration = z.string().regex(/^[1-9]\d*(ms|s|m|h|d)$/, 'write a duration such as "7d"');

/** The least memory that an option may name, bytes. */
export const LEAST_MEMORY = 16 * 2 ** 20;

/** `512MiB`, `2GiB`, or a whole number of bytes; parsed it is bytes, at least as many as these. */
export function size(least: number) {
  return z
    .union([z.string(), z.number()])
    .transform((written) => (typeof written === 'number' ? written : parseSize(written)))
    .pipe(
      z
        .int('write a size such as "512MiB" or "2GiB", or whole bytes')
        .min(least, `write at least "${formatSize(least)}"`),
    );
}

/** A secret is named, never written: the variable of the process that has it. */
export const secret = z.strictObject({ env: z.string().min(1) });

/** Files in PEM form: trusted authorities in place of those of the system, and the certificate of the client. */
export const tlsFiles = z
  .strictObject({
    ca: z.string().min(1).optional(),
    cert: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
    /** The name in the server's certificate, if it is not the host. */
    servername: z.string().min(1).optional(),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), 'write cert and key, or neither');

/** Files of TLS as they are written. */
export type TlsFiles = Readonly<z.output<typeof tlsFiles>>;

/** Retention of an event log, per source. Records that a store has not taken stay. */
export const logBounds = {
  age: duration.default('7d'),
  bytes: size(1_000_000).prefault('20GB'),
} as const;

/** Fields of a registry wherever its tables are. */
export const registryFields = {
  /** The port of MLflow's clients: with it `headrace serve` and `dev` start `headrace registry` too. */
  port: z.int().min(1).max(65_535).optional(),
  /** Beginnings of the addresses that webhooks may have; none without it. */
  webhooks: z.array(z.url({ protocol: /^https?$/ })).default([]),
} as const;
