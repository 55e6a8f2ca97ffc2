import { z } from 'zod';

const instant = z.int().describe('epoch milliseconds (UTC)');

/** What starts a job, by its kind. */
export const startBody = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('train'),
      model: z.string(),
      from: instant.optional(),
      to: instant.optional(),
      mode: z.enum(['corrected', 'as-known']).default('corrected'),
    }),
    z.strictObject({
      kind: z.literal('backfill'),
      view: z.string(),
      from: instant.optional(),
      to: instant.optional(),
      rollBack: z.boolean().default(false).describe('of a batch view: answer from the generation before the newest'),
      acceptLoss: z.boolean().default(false).describe('of a batch view: switch to the run however many keys it lacks'),
    }),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? 'it is neither train nor backfill' : undefined) },
);
export type StartBody = z.output<typeof startBody>;
