import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { JOB_FORMAT, type TrainingJob } from './training-job.ts';

const jobSchema = z.object({
  format: z.literal(JOB_FORMAT),
  model: z.string(),
  task: z.enum(['binary', 'regression']),
  trainingSet: z.string().min(1),
  features: z.array(z.string()),
  options: z.record(z.string(), z.unknown()),
});

/** Reads `job.json`; its training set may be relative to it. Error: TRAINING_JOB_FILE. */
export function readJob(path: string): TrainingJob {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw fail('TRAINING_JOB_FILE', { path, reason: 'it cannot be read as JSON' }, error);
  }
  const parsed = jobSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw fail('TRAINING_JOB_FILE', { path, reason: `${issue?.path.join('.')}: ${issue?.message}` });
  }
  return { ...parsed.data, trainingSet: resolve(dirname(path), parsed.data.trainingSet) };
}
