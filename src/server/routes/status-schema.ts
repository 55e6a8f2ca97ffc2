import { z } from 'zod';
import { instantSchema } from '../column-schema.ts';

const names = z.array(z.string());

export const waitingSchema = names.describe('everything that requests need and that is missing');
export const degradedSchema = names.describe('everything that works, but not as declared');

const budget = z.looseObject({
  budgetMs: z.number().nullable(),
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  met: z.boolean().nullable().describe('null: there is no budget, or no measurement'),
});

const sourceStatus = z.looseObject({
  source: z.string(),
  accepted: z.int(),
  duplicate: z.int(),
  late: z.int(),
  refused: z.int(),
  quarantined: z.int(),
  latenessP50Ms: z.number().nullable(),
  latenessP99Ms: z.number().nullable(),
});

const viewStatus = z.looseObject({
  view: z.string().describe('`name@version`'),
  tier: z.string(),
  latency: budget.nullable(),
  freshness: budget.nullable(),
  stale: z.int(),
  late: z.int(),
  failed: z.int(),
});

const batchStatus = z.looseObject({
  view: z.string(),
  generation: z.int().nullable(),
  asOf: z.number().nullable(),
  overdueSince: z.number().nullable(),
  succeeded: z.int(),
  failed: z.int(),
});

const auditStatus = z.looseObject({
  service: z.string(),
  at: z.number(),
  compared: z.int(),
  differ: z.int(),
  missing: z.int(),
  met: z.boolean(),
});

const bytes = z.record(z.string(), z.number());

const memoryStatus = z.looseObject({
  budgetBytes: z.number(),
  parts: bytes,
  queues: z.array(
    z.looseObject({ name: z.string(), bytes: z.number(), mostBytes: z.number(), turnedAway: z.number() }),
  ),
});

const diskStatus = z.looseObject({
  bytes: z.number().nullable().describe('the budget'),
  kept: bytes,
  keptBytes: z.number(),
  over: z.unknown(),
});

const storeFault = z.looseObject({
  store: z.string(),
  method: z.string(),
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  since: z.number(),
  failures: z.number(),
});

const inferenceStatus = z.looseObject({
  model: z.string(),
  version: z.string(),
  place: z.string(),
  pending: z.number(),
  p99Ms: z.number().nullable(),
  sizeBytes: z.number(),
  loadMs: z.number().describe('from the order to load it until it could answer'),
  callers: z
    .array(
      z.object({
        caller: z.string().describe('id of a key; empty: no key, `*`: further keys together'),
        answered: z.int(),
        failed: z.int(),
        rejected: z.int().describe('of the failed: turned away by the queue, or late in it'),
        queueMs: z.number().describe('sum over answered requests'),
        runMs: z.number().describe('sum over answered requests'),
      }),
    )
    .describe('the most frequent callers first'),
});

/** How a stream stands, and its records since the start of the process. */
const streamStatusSchema = z.looseObject({
  model: z.string(),
  partitions: z.array(
    z.looseObject({
      next: z.int(),
      waiting: z.int(),
      here: z.boolean(),
      intervals: z.array(z.looseObject({ from: z.int(), version: z.int(), plan: z.int() })),
    }),
  ),
  rollingTo: z.int().nullable(),
  unacknowledged: z.array(z.int()),
  shadow: z.int().nullable(),
  plans: z.array(z.looseObject({ plan: z.int(), version: z.int(), phase: z.string(), reached: z.boolean() })),
  counts: z.record(z.string(), z.int()).describe('records by outcome: scored, rejected, duplicate, late, future'),
});

const playbookStatus = z.looseObject({
  model: z.string(),
  step: z.string(),
  isFrozen: z.boolean(),
  stopped: z.array(z.unknown()),
  incidents: z.int(),
});

/** The state of a project. A process has the shares of its own parts: one that only reads lacks some. */
export const statusSchema = z.looseObject({
  project: z.string(),
  namespace: z.string(),
  at: instantSchema,
  ready: z.boolean(),
  waiting: waitingSchema,
  degraded: degradedSchema,
  sources: z.array(sourceStatus).optional(),
  views: z.array(viewStatus).optional(),
  services: z.array(budget.extend({ name: z.string() })).optional(),
  batch: z.array(batchStatus).optional(),
  audits: z.array(auditStatus).optional(),
  memory: memoryStatus.optional(),
  disk: diskStatus.optional(),
  stores: z.looseObject({ faults: z.array(storeFault) }).optional(),
  inference: z.array(inferenceStatus).optional(),
  streams: z.record(z.string(), streamStatusSchema).optional(),
  playbooks: z.array(playbookStatus).optional(),
});
