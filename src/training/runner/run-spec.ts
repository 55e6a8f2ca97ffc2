import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';

/** The least silence that counts as a hang, ms. */
const LEAST_HANG_MS = 60_000;

const specSchema = z.strictObject({
  /** The program and its arguments. */
  command: z.tuple([z.string().min(1)], z.string()),
  /** Ranks that run together. */
  ranks: z.int().min(1).max(4096).default(1),
  /** Last step of the run; null: the program knows. An exit with 0 before it is a failure. */
  targetSteps: z.int().positive().nullable().default(null),
  /** From SIGTERM to SIGKILL, ms. */
  graceMs: z.int().nonnegative().default(30_000),
  /** The least silence of a rank that counts as a hang, ms. */
  hangMs: z.int().positive().default(LEAST_HANG_MS),
  /** Until the first step of every rank, ms. */
  startMs: z.int().positive().default(1_800_000),
  /** Restarts after hangs and kills that nobody owns to. */
  killRestarts: z.int().nonnegative().default(3),
  /** Restarts after failures of the program itself. */
  errorRestarts: z.int().nonnegative().default(0),
  /** Work between two checkpoints, s: the program is asked for one. null: it saves by itself. */
  checkpointSeconds: z.number().positive().nullable().default(null),
  /** Checkpoints that stay. */
  keep: z.int().min(2).default(3),
  /** Whether a loss that is not finite ends the run. */
  stopWhenDiverged: z.boolean().default(false),
  /** The most that the run may cost, in the currency of `pricePerHour`; null: no cap. */
  budget: z.number().positive().nullable().default(null),
  /** Price of an hour of the whole gang. */
  pricePerHour: z.number().nonnegative().default(0),
  /** Data for the program, in run.json. */
  options: z.record(z.string(), z.json()).default({}),
  /** Between two looks at ranks and heartbeats, ms. */
  pollMs: z.int().positive().default(500),
});

export type RunSpec = Readonly<z.output<typeof specSchema>>;
export type RunSpecInput = z.input<typeof specSchema>;

/** Error: RUN_SPEC. */
export function parseRunSpec(input: unknown): RunSpec {
  const parsed = specSchema.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw fail('RUN_SPEC', { member: issue?.path.join('.') ?? '', reason: issue?.message ?? '' });
  }
  if (parsed.data.budget !== null && parsed.data.pricePerHour === 0)
    throw fail('RUN_SPEC', { member: 'pricePerHour', reason: 'a budget needs the price of an hour' });
  return parsed.data;
}
