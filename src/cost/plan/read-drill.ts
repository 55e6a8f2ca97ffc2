import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import type { Job } from './job.ts';

/** The members of a result of `headrace train drill` that a plan reads. */
const drillSchema = z.object({
  format: z.literal(1),
  passed: z.boolean(),
  checkpointSeconds: z.number().positive().nullable(),
  restartSeconds: z.number().min(0).nullable(),
});

/**
 * A job with the drill of its program: whether it resumes, and the times of a checkpoint and a restart, unless the job states its own.
 * The restart of a drill has no provisioning of machines. Errors: COST_FILE, COST_JOB.
 */
export async function withDrill(job: Job, path: string): Promise<Job> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const reason = error instanceof Error ? (error.message.split(',')[0] ?? '') : String(error);
    throw fail('COST_FILE', { path, reason }, error);
  });
  const parsed = drillSchema.safeParse(jsonOf(text));
  if (!parsed.success) throw fail('COST_JOB', { reason: `${path} is no result of headrace train drill` });
  const { passed, checkpointSeconds, restartSeconds } = parsed.data;
  const drill = { passed, revision: job.revision ?? 'as drilled', gpus: job.gpus };
  if (job.checkpoint !== undefined || checkpointSeconds === null || restartSeconds === null) return { ...job, drill };
  return { ...job, drill, checkpoint: { blockedS: checkpointSeconds, restartS: restartSeconds, persistLagS: 0 } };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
