import { z } from 'zod';

// The members that callers read first. Reports have more, and get more within their version.

const number = z.number().nullable();
const twoSides = z.object({ reference: number, current: number });
const rowsOfSides = z.object({ reference: z.int(), current: z.int() });
const counts = z.array(z.number());
const side = z.object({ name: z.string(), rows: z.int() });

const bins = z.looseObject({
  frozen: z.looseObject({
    kind: z.enum(['edges', 'values']),
    edges: z.array(z.number()).optional().describe('between the bins'),
    values: z.array(z.string()).optional().describe('one for each bin'),
  }),
  reference: counts.describe('rows of the reference by bin, the last of missing values'),
  current: counts.describe('current rows by bin'),
});

const falseAlarms = z.looseObject({
  rule: z.string(),
  flagged: z.int(),
  perQuarter: number.describe('alarms that chance alone gives in a quarter of a year'),
});

const slice = z.looseObject({
  column: z.string(),
  value: z.string(),
  rows: rowsOfSides,
  drifted: z.array(z.looseObject({ name: z.string(), reason: z.string() })),
  state: z.enum(['drift', 'ok', 'insufficient']),
});

export const comparisonSchema = z.looseObject({
  version: z.literal(1),
  verdict: z.enum(['fault', 'drift', 'inconclusive', 'ok', 'insufficient']),
  reference: side,
  current: side,
  faults: z.array(z.looseObject({ kind: z.string(), columns: z.array(z.string()), text: z.string() })),
  features: z.array(
    z.looseObject({
      name: z.string(),
      kind: z.string(),
      state: z.enum(['drift', 'ok', 'inconclusive', 'insufficient', 'excluded']),
      reason: z.string(),
      rows: rowsOfSides,
      missing: rowsOfSides,
      mean: twoSides,
      effect: z.looseObject({ debiasedPsi: number, jensenShannon: number, wasserstein: number }).nullable(),
      limit: z.looseObject({ psi: number }).nullable(),
      bins: bins.nullable(),
    }),
  ),
  domainAuc: number,
  falseAlarms: z.array(falseAlarms),
  windowsPerDay: z.number(),
  slices: z.array(slice),
  excluded: z.array(z.looseObject({ name: z.string(), reason: z.string() })),
});

export const diagnosisSchema = z.looseObject({
  version: z.literal(1),
  verdict: z.enum(['findings', 'healthy', 'not enough evidence']),
  summary: z.string(),
  findings: z.array(
    z.looseObject({
      id: z.string(),
      cause: z.string(),
      title: z.string(),
      severity: z.enum(['info', 'warning']),
      shareOfStep: number,
      ceiling: number,
      confidence: z.enum(['high', 'medium', 'low']),
      disproof: z.string(),
      fix: z.array(z.string()),
      nextCommand: z.string(),
    }),
  ),
  reasons: z.array(z.string()),
  limitations: z.array(z.string()),
});

const range = z.looseObject({ p10: z.number(), p50: z.number(), p90: z.number() });

export const costPlanSchema = z.looseObject({
  version: z.literal(1),
  job: z.string(),
  first: z.string(),
  notes: z.array(z.string()),
  baseline: z.looseObject({ offer: z.string(), usdPerNodeHour: z.number(), hours: z.number(), costUsd: z.number() }),
  techniques: z.array(z.looseObject({ name: z.string(), title: z.string(), leftOut: z.string().nullable() })),
  total: z.looseObject({ costUsd: range, hours: range, saving: range, missedShare: z.number(), dominant: z.string() }),
});
