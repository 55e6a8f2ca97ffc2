import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';

const schema = z.strictObject({
  kind: z.literal('boostedTrees'),
  /** Most trees. */
  trees: z.int().min(1).max(10_000).default(100),
  learningRate: z.number().positive().max(1).default(0.1),
  /** Most leaves of a tree. */
  leaves: z.int().min(2).max(4096).default(31),
  /** Least rows of a leaf. */
  leafRows: z.int().min(1).default(20),
  /** L2 penalty of leaf values. */
  l2: z.number().nonnegative().default(0),
  /** Most bins of a number, without the one of missing values. */
  bins: z.int().min(2).max(255).default(254),
  /** Features that split by value, not by order; at most 64 values each. */
  categorical: z.array(z.string()).default([]),
  /** Features whose rise may only raise (1) or lower (−1) the score. */
  monotone: z.record(z.string(), z.union([z.literal(1), z.literal(-1)])).default({}),
  /** Shares of rows and features that each tree sees. */
  rowShare: z.number().positive().max(1).default(1),
  featureShare: z.number().positive().max(1).default(1),
  /** Stops after `rounds` trees without a better loss on the last `share` of the rows by time; null: all trees. */
  earlyStopping: z
    .strictObject({ rounds: z.int().positive().default(20), share: z.number().gt(0).lt(1).default(0.2) })
    .nullable()
    .default(null),
  seed: z.int().nonnegative().default(1),
});

/** Options of the embedded trainer `boostedTrees`, as declared under `train.with`. */
export type BoostedOptions = Readonly<z.output<typeof schema>>;

/** Reads the trainer's options. Error: TRAINING_OPTION. */
export function parseBoostedOptions(options: Readonly<Record<string, unknown>>): BoostedOptions {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  const reason = parsed.error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ');
  throw fail('TRAINING_OPTION', { kind: 'boostedTrees', reason });
}
