import { z } from 'zod';
import { duration, logBounds, secret, tlsFiles } from '../../ports/options.ts';

/** How a cluster of Kafka is reached. */
const kafkaFields = {
  kind: z.literal('kafka'),
  /** Some brokers of the cluster. */
  brokers: z.array(z.string().regex(/^[^\s/]+:\d{1,5}$/, 'write host:port')).min(1),
  /** The credentials of the client; absent: none. */
  sasl: z
    .strictObject({
      mechanism: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']),
      username: z.string().min(1),
      password: secret,
    })
    .optional(),
  /** Absent: the wire is not encrypted; `{}` trusts the authorities of the system. */
  tls: tlsFiles.optional(),
  /** A request without an answer after this fails. */
  timeout: duration.default('10s'),
} as const;

export const kafkaLogOptions = z.strictObject({
  ...kafkaFields,
  /** Copies of each partition of a topic that is made here. */
  replicas: z.int().min(1).max(32_767).default(1),
  ...logBounds,
});

/** A topic of other services. */
export const kafkaTopicFields = {
  ...kafkaFields,
  topic: z.string().regex(/^[A-Za-z0-9._-]{1,249}$/, 'write the name of a topic of Kafka'),
} as const;
