import { gpuHoursOf, type JobRecord } from './sacct.ts';
import { stampMs } from './stamp.ts';
import { parseTable, type TableRow } from './table.ts';

/** A duration may differ so much from the times of start and end: jobs are suspended, clocks are rounded. */
const SAME_WITHIN = 10;

/**
 * A job a row, as the Acme and Helios traces have them: job_id, gpu_num, state, submit_time, start_time, end_time, duration
 * in seconds, and more. GPU time of a job is gpu_num × duration.
 */
export function parseClusterJobs(text: string): readonly JobRecord[] {
  return parseTable(text, { kind: 'list of jobs', needs: ['gpu_num', 'state'] }).rows.map((row) => {
    const gpus = row.printed('gpu_num');
    const startMs = stampMs(row.text('start_time'));
    const endMs = stampMs(row.text('end_time'));
    const seconds = secondsOf(row, (endMs - startMs) / 1000);
    return {
      id: row.text('job_id') ?? '',
      state: row.text('state') ?? '',
      gpus,
      seconds,
      startMs,
      endMs,
      eligibleMs: stampMs(row.text('submit_time')),
      gpuHours: gpuHoursOf(gpus, seconds),
      gpuUtil: Number.NaN,
    };
  });
}

/** The duration where the times do not say that it has another unit; the times where there is no duration. */
function secondsOf(row: TableRow, between: number): number {
  const duration = row.printed('duration');
  if (!(duration >= 0)) return between >= 0 ? between : Number.NaN;
  const other = between > 60 && (duration > SAME_WITHIN * between || between > SAME_WITHIN * duration);
  return other ? Number.NaN : duration;
}
