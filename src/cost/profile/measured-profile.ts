import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { type Evidence, evidenceOf } from '../evidence/evidence.ts';

/** The version of profile files. */
const FORMAT = 1;

const seconds = z.number().positive().finite();

const profileSchema = z.strictObject({
  kind: z.literal('headrace-cost-profile'),
  format: z.literal(FORMAT),
  takenAtMs: z.number(),
  /** The job that was measured: a plan of another one is rejected. */
  fingerprint: z.strictObject({
    model: z.string().nullable(),
    gpus: z.int().min(1),
    accelerator: z.string().nullable(),
    precision: z.enum(['fp32', 'tf32', 'fp16', 'bf16', 'fp8']).nullable(),
    revision: z.string().nullable(),
    /** The program and its files, as a drill has them; null in profiles of before. */
    command: z.array(z.string()).nullable().default(null),
    files: z.record(z.string(), z.string()).nullable().default(null),
  }),
  /** A step as it is, with synthetic batches in memory, and one batch of the loader alone; medians. */
  stepS: seconds,
  gpuBoundStepS: seconds,
  loaderS: seconds,
  /** Relative spread of the medians of the repetitions. */
  spread: z.number().min(0),
  repeats: z.int().min(1),
  steps: z.int().min(1),
  /** A batch of the loader is a micro-batch; a step of the adapter is one of them. */
  microBatch: z.int().min(1).nullable(),
  accumulation: z.int().min(1),
  peakMemoryBytes: z.number().positive().nullable(),
  gpuMemoryBytes: z.number().positive().nullable(),
});

/** A job measured three ways by `headrace cost profile`. */
export type MeasuredProfile = z.output<typeof profileSchema>;

/** Parses a profile file. Errors: COST_PROFILE. */
export function parseMeasuredProfile(path: string, value: unknown): MeasuredProfile {
  const parsed = profileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw fail('COST_PROFILE', { path, reason: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}` });
}

/** Whether JSON is a profile file. */
export function isMeasuredProfile(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'headrace-cost-profile';
}

/** The facts of a measured profile. */
export function evidenceOfProfile({ fingerprint }: MeasuredProfile): Evidence {
  const { gpus, accelerator, ...facts } = fingerprint;
  return evidenceOf({ ...facts, worldSize: gpus, hardware: accelerator });
}
