import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import type { Status } from '../../observe/status.ts';

const texts = z.array(z.string());
const lists = z.array(z.looseObject({}));

/** By these a status is known; the rest is of the same release or a later one. */
const statusSchema = z.looseObject({
  project: z.string(),
  namespace: z.string(),
  at: z.number(),
  ready: z.boolean(),
  waiting: texts,
  degraded: texts,
  views: lists,
  services: lists,
});

/** The status in a server's answer. Error: SERVER_STRANGER, where another program listens there. */
export function parseStatus(text: string, server: string): Status {
  try {
    return statusSchema.parse(JSON.parse(text));
  } catch (error) {
    const reason =
      error instanceof z.ZodError
        ? `it has no ${error.issues[0]?.path.join('.') || 'object'}`
        : 'it did not answer with JSON';
    throw fail('SERVER_STRANGER', { server, reason }, error);
  }
}
