import { z } from 'zod';
import { comparisonSchema } from './judged-schemas.ts';

const judged = z.looseObject({
  from: z.number(),
  to: z.number(),
  rows: z.number(),
  state: z.string(),
  reason: z.string(),
  value: z.number().nullable().optional(),
  limit: z.number().nullable().optional(),
});

const series = z.looseObject({
  monitor: z.looseObject({ kind: z.string(), metric: z.string(), windowMs: z.number(), k: z.int(), of: z.int() }),
  state: z.string(),
  reason: z.string(),
  windows: z.array(judged),
});

const coverage = z.looseObject({
  predictions: z.number(),
  labelled: z.number(),
  curve: z.array(z.object({ afterMs: z.number(), coverage: z.number() })),
});

const numbers = z.record(z.string(), z.number().nullable());

const trust = z.looseObject({ state: z.string(), reasons: z.array(z.string()) });

const estimate = z.looseObject({ metrics: numbers.nullable(), trust });

/** The quality of the parts of a window, estimated before the labels and as the labels show it. */
export const qualitySchema = z.object({
  windows: z.array(
    z.object({
      from: z.number(),
      to: z.number(),
      predictions: z.int(),
      labelled: z.int(),
      estimated: numbers.nullable().describe('null: nothing can be said, for the reasons of `trust`'),
      realised: numbers.nullable().describe('of the labelled predictions; null without one'),
      trust,
    }),
  ),
  limits: z
    .record(z.string(), z.object({ lower: z.number(), upper: z.number() }).nullable())
    .nullable()
    .describe('where each metric was between chunks of the labelled rows before; null without such rows'),
});

const slices = z.looseObject({
  rows: z.number(),
  loss: z.number(),
  looked: z.int().describe('slices that were tested'),
  slices: z.array(
    z.looseObject({
      conditions: z.array(z.string()),
      rows: z.int(),
      loss: z.number(),
      restLoss: z.number().describe('of the other rows'),
      adjustedP: z.number(),
    }),
  ),
});

const featureCause = z.looseObject({
  feature: z.string(),
  state: z.string(),
  debiasedPsi: z.number().nullable(),
  lossShare: z.number().nullable().describe('of the change of the loss'),
  view: z.string().nullable(),
  sources: z.array(z.string()),
  ageMs: z.number().nullable(),
  freshnessMs: z.number().nullable(),
});

const cause = z.object({ at: z.number(), kind: z.string(), of: z.string(), text: z.string() });

/** One window of a model, as far as readers may count on it. Instants are epoch milliseconds (UTC). */
export const windowSchema = z.looseObject({
  version: z.literal(1),
  model: z.string(),
  modelVersion: z.int(),
  from: z.number(),
  to: z.number(),
  at: z.number(),
  comparison: comparisonSchema.nullable(),
  series: z.array(series),
  coverage,
  estimate,
  slices: slices.nullable(),
  causes: z.looseObject({ features: z.array(featureCause), timeLine: z.array(cause) }),
  decisions: z.array(z.string()),
});
