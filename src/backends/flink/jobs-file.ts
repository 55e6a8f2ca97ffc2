import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf as messageOf } from '../../base/reason-of.ts';
import { replaceFile } from '../../files/replace-file.ts';

/*
 * flink.json: the jobs that were deployed for an environment.
 *
 * { "format": 1, "jobs": [{
 *   "key": "1f3a5c7e",           of the job's SQL: see tile-topics.ts
 *   "jobId": "6f0c…",            the newest job of that key on the cluster
 *   "stopped": false,            whether it was stopped on purpose
 *   "checkpoints": "file:///…",  the folder of the cluster's checkpoints; null: unknown
 *   "restore": { "path": "file:///…/chk-12", "at": 1767225600000 }   the newest known state to resume from; null: none
 * }] }
 */
const FORMAT = 1;

const jobSchema = z.strictObject({
  key: z.string().regex(/^[0-9a-f]{8}$/),
  jobId: z.string().min(1),
  stopped: z.boolean(),
  checkpoints: z.string().nullable(),
  restore: z.strictObject({ path: z.string().min(1), at: z.number() }).nullable(),
});

const fileSchema = z.strictObject({ format: z.literal(FORMAT), jobs: z.array(jobSchema) });

/** A job that was deployed. */
export type DeployedJob = Readonly<z.infer<typeof jobSchema>>;

/** The jobs of an environment; none where the file is absent. Error: FLINK_JOBS_FILE. */
export function readJobs(path: string): readonly DeployedJob[] {
  if (!existsSync(path)) return [];
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).jobs;
  } catch (error) {
    throw fail('FLINK_JOBS_FILE', { path, reason: reasonOf(error) }, error);
  }
}

/** Writes the jobs of an environment, whole or not at all. Error: FLINK_JOBS_FILE. */
export function writeJobs(path: string, jobs: readonly DeployedJob[]): void {
  try {
    replaceFile(path, `${JSON.stringify({ format: FORMAT, jobs }, null, 2)}\n`);
  } catch (error) {
    throw fail('FLINK_JOBS_FILE', { path, reason: reasonOf(error) }, error);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError)
    return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  return messageOf(error);
}
