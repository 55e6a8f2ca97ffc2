import { readFile } from 'node:fs/promises';
import { fail } from '../../base/errors/fail.ts';
import { drillObjections, parseDrill } from '../evidence/drill-result.ts';
import { evidenceNotes } from '../evidence/evidence.ts';
import type { Job } from './job.ts';

/**
 * A job with the drill of its program. A drill that stands for the job opens spot, and gives the times of a checkpoint and a restart,
 * unless the job states its own; to the restart the time is added in which a node is provided. A drill of anything else gives nothing,
 * and the plan says in what it differs. Errors: COST_FILE, COST_JOB.
 */
export async function withDrill(job: Job, path: string): Promise<Job> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const reason = error instanceof Error ? (error.message.split(',')[0] ?? '') : String(error);
    throw fail('COST_FILE', { path, reason }, error);
  });
  const drill = parseDrill(jsonOf(text));
  if ('reason' in drill) throw fail('COST_JOB', { reason: `${path} cannot be used: ${drill.reason}` });
  const objections = drillObjections(drill, job.evidence);
  const { checkpointSeconds, restartSeconds } = drill;
  const notes = evidenceNotes('drill', drill.evidence, job.evidence);
  const proven = { ...job, proof: { objections, notes } };
  if (objections.length > 0 || job.checkpoint !== undefined) return proven;
  if (checkpointSeconds === null || restartSeconds === null) return proven;
  const restartS = restartSeconds + job.provisionS;
  return { ...proven, checkpoint: { blockedS: checkpointSeconds, restartS, persistLagS: 0 } };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
