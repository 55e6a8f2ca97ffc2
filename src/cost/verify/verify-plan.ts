import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';

const positive = z.number().positive().finite();
const range = z.object({ p10: z.number(), p50: z.number(), p90: z.number() });

/** The members of a plan that a result is compared with. */
const planSchema = z.object({
  version: z.literal(1),
  job: z.string(),
  nodes: positive.optional(),
  baseline: z.object({ usdPerNodeHour: positive, hours: positive, costUsd: positive }),
  profile: z.object({ times: z.object({ stepS: positive }) }),
  joint: z.object({ timeGain: positive, techniques: z.array(z.string()) }),
  spot: z.object({ state: z.string(), wallOverWork: positive.nullable(), discount: z.number().nullable() }),
  /** Plans of before have no paid time: it is not compared then. */
  total: z.object({
    costUsd: range,
    hours: range,
    paidHours: range.optional(),
    paidUsdPerNodeHour: range.optional(),
  }),
});

/** The job after its plan was carried out: all that is known of it. */
const resultSchema = z
  .strictObject({
    version: z.literal(1),
    costUsd: positive.optional(),
    /** From the start to the end, with waits for spot. */
    hours: positive.optional(),
    /** Time that nodes were paid for. */
    paidHours: positive.optional(),
    /** Median step of the changed job, seconds. */
    stepS: positive.optional(),
    /** Mean price that was paid for a node and an hour. */
    usdPerNodeHour: positive.optional(),
    /** Wall time for a second of work. */
    wallOverWork: z.number().min(1).finite().optional(),
  })
  .refine(
    ({ costUsd, hours, paidHours }) => costUsd !== undefined || hours !== undefined || paidHours !== undefined,
    'it needs costUsd, hours or paidHours',
  )
  .refine(
    ({ hours, paidHours }) => hours === undefined || paidHours === undefined || paidHours <= hours * 1.001,
    'it was paid for longer than it ran',
  );

/** One measured number next to its prediction. */
export interface Comparison {
  readonly what: 'cost' | 'time' | 'paid time';
  readonly measured: number;
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
  readonly inside: boolean;
}

/** A plan after the fact. */
export interface Verification {
  readonly version: 1;
  readonly job: string;
  readonly atMs: number;
  readonly techniques: readonly string[];
  readonly comparisons: readonly Comparison[];
  /** Assumptions by how far they were off: measured / predicted. */
  readonly assumptions: readonly {
    readonly name: string;
    readonly predicted: number;
    readonly measured: number;
    readonly ratio: number;
  }[];
  /** The assumption that was most off, by more than a tenth; null where none was. */
  readonly failed: string | null;
}

const TOLERANCE = 0.1;

/** Puts a result next to the ranges of its plan. Errors: COST_VERIFY. */
export function verifyPlan(planValue: unknown, resultValue: unknown, nowMs: number): Verification {
  const plan = parsed(planSchema, planValue, 'the plan');
  const result = parsed(resultSchema, ofLedger(resultValue), 'the result');
  const compare = (
    what: Comparison['what'],
    measured: number | undefined,
    one: z.output<typeof range> | undefined,
  ): readonly Comparison[] =>
    measured === undefined || one === undefined
      ? []
      : [
          {
            what,
            measured,
            p10: one.p10,
            p50: one.p50,
            p90: one.p90,
            inside: measured >= one.p10 && measured <= one.p90,
          },
        ];
  const { joint, profile, spot, baseline } = plan;
  // A run on spot also pays on demand: the price of a paid hour is between both.
  const predictedPrice =
    plan.total.paidUsdPerNodeHour?.p50 ??
    (spot.state === 'used' && spot.discount !== null
      ? baseline.usdPerNodeHour * (1 - spot.discount)
      : baseline.usdPerNodeHour);
  const paidPrice = result.usdPerNodeHour ?? paidPriceOf(plan.nodes, result);
  const assumptions = [
    ['the step of the changed job, s', profile.times.stepS / joint.timeGain, result.stepS],
    ['the price of a node and an hour, USD', predictedPrice, paidPrice],
    ['wall time for a second of work', spot.state === 'used' ? (spot.wallOverWork ?? 1) : 1, result.wallOverWork],
  ].flatMap(([name, predicted, measured]) =>
    typeof measured === 'number' && typeof predicted === 'number'
      ? [{ name: String(name), predicted, measured, ratio: measured / predicted }]
      : [],
  );
  const worst = assumptions.toSorted((a, b) => Math.abs(Math.log(b.ratio)) - Math.abs(Math.log(a.ratio)))[0];
  return {
    version: 1,
    job: plan.job,
    atMs: nowMs,
    techniques: joint.techniques,
    comparisons: [
      ...compare('cost', result.costUsd, plan.total.costUsd),
      ...compare('time', result.hours, plan.total.hours),
      ...compare('paid time', result.paidHours, plan.total.paidHours),
    ],
    assumptions,
    failed: worst !== undefined && Math.abs(worst.ratio - 1) > TOLERANCE ? worst.name : null,
  };
}

/** The price of a node and a paid hour, where cost and paid time are known. */
function paidPriceOf(
  nodes: number | undefined,
  { costUsd, paidHours }: { readonly costUsd?: number | undefined; readonly paidHours?: number | undefined },
): number | undefined {
  return nodes === undefined || costUsd === undefined || paidHours === undefined
    ? undefined
    : costUsd / (nodes * paidHours);
}

const ledgerSchema = z.object({
  ledger: z.object({
    cost: positive,
    seconds: positive,
    overhead: positive.nullable(),
    attempts: z.array(z.object({ startedAt: z.number(), seconds: z.number() })).default([]),
  }),
  predicted: z.unknown().optional(),
});

/**
 * The ledger of `headrace train run --json` as a result; anything else as it is. Its seconds are those that were paid for; the time from
 * start to end has the waits between attempts as well, and is known where the clock of the run is that of this machine.
 */
function ofLedger(value: unknown): unknown {
  const found = ledgerSchema.safeParse(value);
  if (!found.success) return value;
  const { cost, seconds, overhead, attempts } = found.data.ledger;
  const paidHours = seconds / 3600;
  const ends = attempts.map(({ startedAt, seconds: held }) => startedAt + held * 1000);
  const wallHours = (Math.max(...ends) - Math.min(...attempts.map(({ startedAt }) => startedAt))) / 3_600_000;
  // In fast time starts are closer than the time that was held: only the paid time is known.
  const isOwnClock = attempts.length > 0 && wallHours >= paidHours * 0.999;
  return {
    version: 1,
    costUsd: cost,
    paidHours,
    ...(isOwnClock ? { hours: Math.max(wallHours, paidHours) } : {}),
    ...(overhead === null ? {} : { wallOverWork: Math.max(1, overhead) }),
  };
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown, name: string): z.output<Schema> {
  const found = schema.safeParse(value);
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw fail('COST_VERIFY', {
    name,
    reason: `${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is not valid'}`.trim(),
  });
}
