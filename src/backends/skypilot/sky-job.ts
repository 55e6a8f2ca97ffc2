import { z } from 'zod';
import type { RankState } from '../../ports/training-backend.ts';
import { withoutColours } from './sky-command.ts';

const recordSchema = z.object({
  job_id: z.int(),
  job_name: z.string().nullable().default(null),
  status: z.string(),
  recovery_count: z.int().nullable().default(null),
  /** Seconds that the job ran, without its recoveries. */
  job_duration: z.number().nullable().default(null),
  /** Instances, as the table has them: `1x[A100:8]`. */
  cluster_resources: z.string().nullable().default(null),
  region: z.string().nullable().default(null),
  details: z.string().nullable().default(null),
  failure_reason: z.string().nullable().default(null),
});

/** A managed job as `sky jobs queue --output json` describes it. */
export type SkyJob = z.output<typeof recordSchema>;

/** The jobs of a queue; null: it is no queue. Lines before it are those that the command prints on its way. */
export function parseQueue(stdout: string): readonly SkyJob[] | null {
  const at = /^\[/m.exec(stdout)?.index;
  if (at === undefined) return null;
  try {
    const parsed = z.array(recordSchema).safeParse(JSON.parse(stdout.slice(at)));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** States in which no instance runs the job, and one is looked for. */
const waiting = ['PENDING', 'SUBMITTED', 'STARTING', 'RECOVERING'];

/** Whether a job holds no instances now, or ended because there were none. */
export function waits({ status }: SkyJob): boolean {
  return waiting.includes(status) || status === 'FAILED_NO_RESOURCE';
}

/** The state of the rank of a job; `log` is the end of its log. */
export function rankOf({ status }: SkyJob, log: readonly string[]): RankState {
  if (status === 'SUCCEEDED') return { state: 'ended', code: 0, signal: null };
  if (status === 'CANCELLED') return { state: 'ended', code: null, signal: 'SIGTERM' };
  if (status === 'FAILED_NO_RESOURCE') return { state: 'lost' };
  // A preemption during the set-up is reported so too, and the program has not run: nobody owns to it.
  if (status === 'FAILED_SETUP') return { state: 'ended', code: null, signal: 'SIGKILL' };
  if (status === 'FAILED') return { state: 'ended', code: exitCode(log), signal: null };
  return status.startsWith('FAILED') ? { state: 'ended', code: 1, signal: null } : { state: 'running' };
}

/** The exit code that the last line of a failed job names. */
function exitCode(log: readonly string[]): number {
  const found = log.map((line) => /failed with return code list: ?\[(\d+)/.exec(line)?.[1]).findLast(Boolean);
  return Number(found ?? 1);
}

export function detailOf(job: SkyJob): string {
  const { job_id: id, status, recovery_count: recoveries, region, details, failure_reason: failure } = job;
  const why = failure ?? details;
  return [
    `managed job ${id} ${status.toLowerCase()}`,
    ...(region === null || region === '-' ? [] : [`in ${region}`]),
    ...(recoveries === null || recoveries === 0 ? [] : [`after ${recoveries} recoveries`]),
    ...(why === null || why === '' ? [] : [`(${why.split('\n')[0]})`]),
  ].join(' ');
}

/** The lines of a log without colours. */
export function logLines(stdout: string): readonly string[] {
  return withoutColours(stdout)
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '');
}

/** Lines that the program printed: SkyPilot puts its name and process in front, `(late-1, pid=2218) `. */
export function programLines(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => {
    const [whole, name] =
      /^\(([^()]{1,200}), (?:rank=\d{1,9}, )?pid=\d{1,12}(?:, ip=[^()]{1,60})?\) ?/.exec(line) ?? [];
    return whole === undefined || name === undefined ? [] : [line.slice(whole.length)];
  });
}

/** The newest step that the controller inside a job printed; null: none yet. */
export function lastStep(lines: readonly string[]): number | null {
  const found = lines.findLast((line) => /^progress: step \d{1,15}$/.test(line));
  return found === undefined ? null : Number(found.slice('progress: step '.length));
}
