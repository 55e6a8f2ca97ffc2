import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { JOB_FORMAT, type TrainingJob, type TrainingResult } from './training-job.ts';

const resultSchema = z.object({
  format: z.literal(JOB_FORMAT),
  // A file of the run's directory, not one elsewhere.
  model: z.string().regex(/^[^/\\]+$/, 'not the name of a file of the directory'),
  input: z.string().min(1),
  output: z.string().min(1),
  features: z.array(z.string()).min(1),
  metrics: z.record(z.string(), z.number()),
  parity: z.object({ rows: z.array(z.array(z.number().nullable())).min(1), scores: z.array(z.number()) }),
});

/** Reads a result. Error: TRAINING_RESULT. */
export function parseResult(text: string, job: TrainingJob): TrainingResult {
  const parsed = resultSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw fail('TRAINING_RESULT', {
      reason: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    });
  }
  const { features, parity } = parsed.data;
  const unknown = features.find((name) => !job.features.includes(name));
  if (unknown !== undefined)
    throw fail('TRAINING_RESULT', { reason: `feature "${unknown}" is not a feature of the job` });
  if (parity.rows.length !== parity.scores.length || parity.rows.some((row) => row.length !== features.length)) {
    throw fail('TRAINING_RESULT', { reason: 'its parity rows do not fit its features and scores' });
  }
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('TRAINING_RESULT', { reason: 'result.json is not JSON' }, error);
  }
}
