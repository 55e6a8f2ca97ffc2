import { z } from 'zod';
import { fail } from '../base/errors/fail.ts';
import { type ModelRows, rowsBetween } from '../model/model-rows.ts';
import { trainedInputs } from '../model/row-inputs.ts';
import { rowsOfNumbers } from '../model/row-writer.ts';
import type { ModelSignature } from '../ports/model-registry.ts';
import type { Scorer } from './scorer.ts';

/**
 * Scores of a runtime may differ from the trainer's by this much, as a share of the greatest of them, where that is above 1. A runtime
 * adds in float32: a small number that is a sum of great ones is as far off as a great one.
 */
export const PARITY_TOLERANCE = 1e-5;

/** The checked model version: registered, or about to be. */
export interface Checked {
  readonly model: string;
  readonly version: number | 'new';
  readonly signature: ModelSignature;
}

const paritySchema = z.object({
  rows: z.array(z.array(z.number().nullable())).min(1),
  scores: z.array(z.number()),
});

/**
 * Holds a loaded model against the rows and scores that its trainer left (JSON, null where a feature is missing). Runs
 * the whole and one row alone, so that the model is warm for both. Errors: MODEL_PARITY, MODEL_FILE.
 */
export async function checkParity(checked: Checked, loaded: Scorer, file: Uint8Array): Promise<void> {
  const { rows, scores } = parseParity(file, checked);
  const input = rowsOfNumbers(loaded.inputs, rows, unfitParity);
  const found = await loaded.run(input);
  const [alone] = await loaded.run(rowsBetween(loaded.inputs, input, 0, 1));
  const tolerance = PARITY_TOLERANCE * scores.reduce((most, score) => Math.max(most, Math.abs(score)), 1);
  compare(checked, alone, scores[0], tolerance);
  scores.forEach((expected, i) => {
    compare(checked, found[i], expected, tolerance);
  });
}

/** The rows of parity vectors, NaN where a feature is missing. Error: MODEL_FILE. */
export function parityRows(file: Uint8Array, signature: ModelSignature): ModelRows {
  return rowsOfNumbers(trainedInputs(signature), parseParity(file, { signature }).rows, unfitParity);
}

function unfitParity(reason: string): Error {
  return fail('MODEL_FILE', { reason: `a parity vector does not fit: ${reason}` });
}

function compare({ model, version }: Checked, found: number, expected: number, tolerance: number): void {
  // NaN differs from everything.
  if (!(Math.abs(found - expected) <= tolerance)) throw fail('MODEL_PARITY', { model, version, found, expected });
}

/** Parity vectors. Error: MODEL_FILE. */
export function parseParity(file: Uint8Array, { signature }: Pick<Checked, 'signature'>): z.infer<typeof paritySchema> {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder().decode(file));
  } catch (error) {
    throw fail('MODEL_FILE', { reason: 'its parity vectors are not JSON' }, error);
  }
  const { success, data } = paritySchema.safeParse(content);
  if (!success) throw fail('MODEL_FILE', { reason: 'its parity vectors are not rows and scores' });
  const { rows, scores } = data;
  if (rows.length !== scores.length || rows.some((row) => row.length !== signature.features.length)) {
    throw fail('MODEL_FILE', { reason: 'its parity vectors do not fit its signature' });
  }
  return data;
}
