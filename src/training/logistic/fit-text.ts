import { z } from 'zod';
import type { FitState } from './fit.ts';

/** Doubles as base64 of their bytes, least first. */
const doubles = z.base64().transform((text): Float64Array => {
  const bytes = Buffer.from(text, 'base64');
  return Float64Array.from({ length: bytes.length >> 3 }, (_, i) => bytes.readDoubleLE(i * 8));
});

const stateSchema = z.strictObject({
  inPart: z.boolean(),
  weights: doubles,
  hessianAt: doubles.nullable(),
  iterations: z.int().nonnegative(),
  loss: z.number(),
});

/** The state of a fit as JSON, from which it is read back bit by bit. */
export function encodeFit({ weights, hessianAt, ...rest }: FitState): string {
  return JSON.stringify({
    ...rest,
    weights: base64(weights),
    hessianAt: hessianAt === null ? null : base64(hessianAt),
  });
}

/** Null: the value is no state of a fit. */
export function decodeFit(value: unknown): FitState | null {
  return stateSchema.safeParse(value).data ?? null;
}

function base64(numbers: Float64Array): string {
  const bytes = Buffer.alloc(numbers.length * 8);
  for (const [i, number] of numbers.entries()) bytes.writeDoubleLE(number, i * 8);
  return bytes.toString('base64');
}
