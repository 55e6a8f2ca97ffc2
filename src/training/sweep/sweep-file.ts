import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';

const number = z.number();

/** One parameter: a range, or a list of values. */
const parameterSchema = z.union([
  z.strictObject({
    min: number,
    max: number,
    scale: z.enum(['linear', 'log']).default('linear'),
    whole: z.boolean().default(false),
  }),
  z.strictObject({ values: z.array(z.union([number, z.string(), z.boolean()])).min(1) }),
]);

const eta = z.number().min(2).default(3);

const schedulerSchema = z.discriminatedUnion('kind', [
  /** Every trial trains in full. */
  z.strictObject({ kind: z.literal('full') }),
  z.strictObject({ kind: z.literal('halving'), eta }),
  z.strictObject({ kind: z.literal('asha'), eta }),
  z.strictObject({ kind: z.literal('hyperband'), eta: z.int().min(2).default(3) }),
  z.strictObject({ kind: z.literal('percentile'), eta }),
  z.strictObject({ kind: z.literal('rank'), eta, bootstrap: z.int().nonnegative().default(0) }),
  z.strictObject({ kind: z.literal('median'), least: z.int().positive().default(3), eta }),
]);

const sweepSchema = z.strictObject({
  format: z.literal(1).default(1),
  /** The program of a trial and its arguments. It gets its parameters in run.json, under `options`. */
  command: z.tuple([z.string().min(1)], z.string()),
  parameters: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/), parameterSchema),
  /** `tpe`: by the losses of earlier trials, after `startup` random ones. */
  search: z.enum(['random', 'grid', 'tpe']).default('random'),
  startup: z.int().min(2).max(10_000).default(10),
  /** Trials; a grid has its own number. */
  trials: z.int().positive().max(100_000).optional(),
  seed: z.int().nonnegative().default(1),
  /** Budget of a trial in steps of the program: of its first rung, and in full. */
  budget: z.strictObject({ min: z.int().positive(), max: z.int().positive() }),
  scheduler: schedulerSchema.default({ kind: 'asha', eta: 3 }),
  workers: z.int().positive().max(1024).default(1),
  /** Starts of one job after a preemption, kill or hang. */
  restarts: z.int().nonnegative().default(3),
  /** Which schedule of the learning rate a short rung has: one stretched over the full budget, or one that ends at the rung. */
  schedule: z.enum(['stretched', 'finished', 'constant']).default('constant'),
});

export type SweepFile = Readonly<z.output<typeof sweepSchema>>;
export type Parameter = SweepFile['parameters'][string];

/** Reads a sweep. Error: SWEEP_FILE. */
export function parseSweep(input: unknown): SweepFile {
  const parsed = sweepSchema.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw fail('SWEEP_FILE', { member: issue?.path.join('.') ?? '', reason: issue?.message ?? '' });
  }
  const { budget, parameters, search, scheduler, trials } = parsed.data;
  const wrong = (member: string, reason: string) => fail('SWEEP_FILE', { member, reason });
  if (budget.max < budget.min) throw wrong('budget', 'max is below min');
  for (const [name, parameter] of Object.entries(parameters)) {
    if (!('min' in parameter)) continue;
    if (parameter.max < parameter.min) throw wrong(`parameters.${name}`, 'max is below min');
    if (parameter.scale === 'log' && parameter.min <= 0)
      throw wrong(`parameters.${name}`, 'a log scale begins above 0');
    if (search === 'grid') throw wrong(`parameters.${name}`, 'a grid needs values, not a range');
  }
  if (search !== 'grid' && scheduler.kind !== 'hyperband' && trials === undefined)
    throw wrong('trials', `a ${search} search needs their number`);
  return parsed.data;
}
