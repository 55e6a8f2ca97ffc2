import { z } from 'zod';

// Parts of options in headrace.config.ts that several back ends share.

/** `500ms`, `7d`. */
export const duration = z.string().regex(/^[1-9]\d*(ms|s|m|h|d)$/, 'write a duration such as "7d"');

const SIZE = /^([1-9]\d*)(MiB|GiB|MB|GB)$/;
const UNITS: Readonly<Record<string, number>> = { MiB: 2 ** 20, GiB: 2 ** 30, MB: 1e6, GB: 1e9 };

/** The least memory that an option may name, bytes. */
export const LEAST_MEMORY = 16 * 2 ** 20;

/** `512MiB`, `2GiB`. */
export const size = z
  .string()
  .regex(SIZE, 'write a size such as "512MiB" or "2GiB"')
  .refine((text) => bytesOf(text) >= LEAST_MEMORY, 'write at least "16MiB"');

/** Bytes of a size as it is written. */
export function bytesOf(value: string | number): number {
  if (typeof value === 'number') return value;
  const [, count = '', unit = ''] = SIZE.exec(value) ?? [];
  return Number(count) * (UNITS[unit] ?? Number.NaN);
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
  bytes: z.int().min(1_000_000).default(20_000_000_000),
} as const;
