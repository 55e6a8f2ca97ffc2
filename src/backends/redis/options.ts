import { z } from 'zod';
import { duration, secret, tlsFiles } from '../../ports/options.ts';

const redisUrl = z
  .string()
  .regex(
    /^rediss?:\/\/[^@]+$/,
    'write redis://host:port or rediss://host:port; a password is online.password: { env: NAME }',
  );

export const redisOptions = z.strictObject({
  kind: z.literal('redis'),
  /** One server, or some nodes of a cluster. */
  url: redisUrl.or(z.array(redisUrl).min(1)),
  /** Whether it is a cluster; an array of URLs is one. */
  cluster: z.boolean().optional(),
  username: z.string().optional(),
  password: secret.optional(),
  tls: tlsFiles.optional(),
  /** A call without an answer after this fails. */
  timeout: duration.default('1s'),
  /** Entities of several columns that are kept with their first column: few of them have the same. */
  nested: z.array(z.string()).default([]),
  /** Which processes write the tiles: the one that serves, or any number of `headrace tiles write`. */
  writers: z.enum(['one', 'many']).default('one'),
});
