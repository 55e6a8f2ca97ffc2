import { z } from 'zod';
import type { Tree } from './tree.ts';

/** JSON has no −0, and a leaf may have it: it is the text "-0". */
const leafSchema = z.strictObject({ value: z.union([z.number(), z.literal('-0').transform(() => -0)]) });

const splitSchema = z.strictObject({
  feature: z.int().nonnegative(),
  bin: z.int().nonnegative(),
  missing: z.boolean(),
  yes: z.int().positive(),
  no: z.int().positive(),
});

const treesSchema = z.array(z.array(z.union([splitSchema, leafSchema])).min(1));

/** Trees as JSON, from which they are read back bit by bit. */
export function encodeTrees(trees: readonly Tree[]): string {
  return JSON.stringify(trees, (name, value: unknown) => (name === 'value' && Object.is(value, -0) ? '-0' : value));
}

/** Null: the text holds no trees. */
export function decodeTrees(value: unknown): readonly Tree[] | null {
  return treesSchema.safeParse(value).data ?? null;
}
