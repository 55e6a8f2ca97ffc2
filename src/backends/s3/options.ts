import { z } from 'zod';
import { secret } from '../../ports/options.ts';

export const s3Options = z.strictObject({
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
});
