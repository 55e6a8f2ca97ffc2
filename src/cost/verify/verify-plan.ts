import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';

const positive = z.number().positive().finite();
const range = z.object({ p10: z.number(), p50: z.number(), p90: z.number() });

/** The members of a plan that a result is compared with. */
const planSchema = z.object({
  version: z.literal(1),
  job: z.string(),
  baseline: z.object({ usdPerNodeHour: positive, hours: positive, costUsd: positive }),
  profile: z.object({ times: z.object({ stepS: positive }) }),
  joint: z.object({ timeGain: positive, techniques: z.array(z.string()) }),
  spot: z.object({ state: z.string(), wallOverWork: positive.nullable(), discount: z.number().nullable() }),
  total: z.object({ costUsd: range, hours: range }),
});

/** The job after its plan was carried out: all that is known of it. */
const resultSchema = z
  .strictObject({
    version: z.literal(1),
    costUsd: positive.optional(),
    hours: positive.optional(),
    /** Median step of the changed job, seconds. */
    stepS: positive.optional(),
    /** Mean price that was paid for a node and an hour. */
    usdPerNodeHour: positive.optional(),
    /** Wall time for a second of work. */
    wallOverWork: positive.optional(),
  })
  .refine(({ costUsd, hours }) => costUsd !== undefined || hours !== undefined, 'it needs costUsd or hours');

/** One measured number next to its prediction. */
export interface Comparison {
  readonly what: 'cost' | 'time';
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
    one: z.output<typeof range>,
  ): readonly Comparison[] =>
    measured === undefined
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
  const predictedPrice =
    spot.state === 'used' && spot.discount !== null
      ? baseline.usdPerNodeHour * (1 - spot.discount)
      : baseline.usdPerNodeHour;
  const assumptions = [
    ['the step of the changed job, s', profile.times.stepS / joint.timeGain, result.stepS],
    ['the price of a node and an hour, USD', predictedPrice, result.usdPerNodeHour],
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
    ],
    assumptions,
    failed: worst !== undefined && Math.abs(worst.ratio - 1) > TOLERANCE ? worst.name : null,
  };
}

/** The ledger of `headrace train run --json` as a result; anything else as it is. */
function ofLedger(value: unknown): unknown {
  const found = z
    .object({ ledger: z.object({ cost: positive, seconds: positive, overhead: positive.nullable() }) })
    .safeParse(value);
  if (!found.success) return value;
  const { cost, seconds, overhead } = found.data.ledger;
  return { version: 1, costUsd: cost, hours: seconds / 3600, ...(overhead === null ? {} : { wallOverWork: overhead }) };
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
