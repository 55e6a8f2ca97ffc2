import { z } from 'zod';

const instant = z.int().describe('epoch milliseconds (UTC)');

/** A path below a folder. */
const path = z.string().min(1).max(1_000);

/** Bodies that start a job, by its kind. */
export const startBody = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('train'),
      model: z.string(),
      from: instant.optional(),
      to: instant.optional(),
      mode: z.enum(['corrected', 'as-known']).default('corrected'),
      budget: z
        .number()
        .positive()
        .optional()
        .describe('the most that the training may cost, at training.pricePerHour'),
      resume: z.boolean().default(false).describe('resume the newest training of the model that was killed'),
    }),
    z.strictObject({
      kind: z.literal('backfill'),
      view: z.string(),
      from: instant.optional(),
      to: instant.optional(),
      rollBack: z.boolean().default(false).describe('of a batch view: answer from the generation before the newest'),
      acceptLoss: z.boolean().default(false).describe('of a batch view: switch to the run however many keys it lacks'),
    }),
    z.strictObject({
      kind: z.literal('predict'),
      model: z.string(),
      from: path.describe('the input, below batch/files in the folder of the environment'),
      to: path.describe('the output folder, below batch/files in the folder of the environment'),
      format: z.enum(['parquet', 'csv', 'tsv', 'jsonl']).optional(),
      version: z.int().min(1).optional(),
      shadow: z
        .union([z.int().min(1), z.literal('none')])
        .optional()
        .describe(
          'a version that scores the rows too, next to the result; the candidate of a rollout where it is left out',
        ),
      spine: z
        .strictObject({
          time: z.string().optional(),
          columns: z.record(z.string(), z.string()).optional(),
          mode: z.enum(['corrected', 'as-known']).default('corrected'),
        })
        .optional()
        .describe('the rows are requests: they get the features of their instants first'),
      inputs: z
        .array(z.string())
        .min(1)
        .optional()
        .describe('columns of the input that the model reads, in the order of its features'),
      keep: z.array(z.string()).optional().describe('columns of the input that go into the output'),
      workers: z.int().min(1).max(64).optional(),
      mostErrors: z.number().min(0).max(1).optional().describe('the share of the rows that may be rejected'),
      engine: z.boolean().default(false).describe('score by the engine of offline.engine instead of worker processes'),
      replace: z.boolean().default(false).describe('replace the output of another job'),
    }),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? 'it is not train, backfill or predict' : undefined) },
);
export type StartBody = z.output<typeof startBody>;
