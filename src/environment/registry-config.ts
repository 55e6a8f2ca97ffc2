import { z } from 'zod';

/** A secret is named, never written: the variable of the process that has it. */
const secret = z.strictObject({ env: z.string().min(1) });

/** Fields of a registry wherever its tables are. */
const common = {
  /** The port of MLflow's clients: with it `headrace serve` and `dev` start `headrace registry` too. */
  port: z.int().min(1).max(65_535).optional(),
  /** Beginnings of the addresses that webhooks may have; none without it. */
  webhooks: z.array(z.url({ protocol: /^https?$/ })).default([]),
} as const;

/** Where experiments, runs, models and versions are. */
export const registrySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('embedded').default('embedded'), ...common }),
  z.strictObject({
    kind: z.literal('postgres'),
    url: z
      .string()
      .regex(
        /^postgres(ql)?:\/\/([^:@/?#]+@)?[^@/?#]+\/[^?#]+$/,
        'write postgres://user@host:port/database; a password is registry.password: { env: NAME }',
      ),
    password: secret.optional(),
    /** The schema of its tables; one for each environment that shares a database. */
    schema: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,62}$/, 'write small letters, digits and "_", a letter first')
      .default('headrace'),
    /** A PEM file of the authorities to trust: with it the connection is encrypted. */
    ca: z.string().min(1).optional(),
    ...common,
  }),
]);

/** Where the files of models and runs are. */
export const artifactsSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('directory') }),
  z.strictObject({
    kind: z.literal('s3'),
    endpoint: z.string().regex(/^https?:\/\/[^@/?#]+$/, 'write https://host or http://host:port'),
    region: z.string().min(1).default('us-east-1'),
    bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'write the name of a bucket'),
    /** Before every key. */
    prefix: z
      .string()
      .regex(/^[\w.-]+(\/[\w.-]+)*$/, 'write names with "/" between them')
      .optional(),
    accessKeyId: secret,
    secretAccessKey: secret,
  }),
]);
