import { z } from 'zod';
import { registryFields, secret } from '../../ports/options.ts';

export const postgresOptions = z.strictObject({
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
  ...registryFields,
});
