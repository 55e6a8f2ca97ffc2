import { csvRows, printedNumber } from './csv.ts';
import { stampMs } from './query-gpu.ts';
import type { JobRecord } from './sacct.ts';

/**
 * A job a row, as the Acme and Helios traces have them: job_id, gpu_num, state, submit_time, start_time, end_time, duration
 * in seconds, and more. GPU time of a job is gpu_num × duration.
 */
export function parseClusterJobs(text: string): readonly JobRecord[] {
  const { header, rows } = csvRows(text);
  const at = (row: readonly string[], name: string) => row[header.indexOf(name)];
  return rows.map((row) => {
    const gpus = printedNumber(at(row, 'gpu_num')) || 0;
    const seconds = printedNumber(at(row, 'duration'));
    return {
      id: at(row, 'job_id') ?? '',
      state: (at(row, 'state') ?? '').trim(),
      gpus,
      seconds,
      startMs: stampMs(at(row, 'start_time')),
      endMs: stampMs(at(row, 'end_time')),
      eligibleMs: stampMs(at(row, 'submit_time')),
      gpuHours: seconds >= 0 ? (gpus * seconds) / 3600 : 0,
      gpuUtil: Number.NaN,
    };
  });
}
