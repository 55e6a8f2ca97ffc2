import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';

/** Options of the embedded trainer `logisticRegression`, as declared under `train.with`. */
export interface LogisticOptions {
  /** Features that are taken by value, one weight each: hours, weekdays. At most 64 values. */
  readonly categorical?: readonly string[];
  /** Inverse strength of the L2 penalty (1), as in scikit-learn. */
  readonly c?: number;
  /** Newton steps after which it stops unconverged (50). */
  readonly maxIterations?: number;
}

export type ResolvedLogisticOptions = Required<LogisticOptions>;

const schema = z.strictObject({
  kind: z.literal('logisticRegression'),
  categorical: z.array(z.string()).default([]),
  c: z.number().positive().default(1),
  maxIterations: z.int().positive().default(50),
});

/** Reads the trainer's options. Error: TRAINING_OPTION. */
export function parseLogisticOptions(options: Readonly<Record<string, unknown>>): ResolvedLogisticOptions {
  const parsed = schema.safeParse(options);
  if (!parsed.success) {
    const reason = parsed.error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ');
    throw fail('TRAINING_OPTION', { kind: 'logisticRegression', reason });
  }
  const { categorical, c, maxIterations } = parsed.data;
  return { categorical, c, maxIterations };
}
