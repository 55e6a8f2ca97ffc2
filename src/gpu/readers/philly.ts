import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { csvRows, printedNumber, printedPercent } from './csv.ts';
import type { NodeRecord } from './pods.ts';
import { stampMs } from './query-gpu.ts';
import type { JobRecord } from './sacct.ts';
import { SampleCollector, type SampleSeries } from './samples.ts';

/**
 * cluster_gpu_util of the Philly trace: a row a machine and minute, `NA` where a GPU is offline. The zone changes between
 * PDT and PST while jobs are logged by the clock on the wall: it is left out.
 *
 *   header = time,machineId,gpu0_util,…,gpu7_util;  time = YYYY-MM-DD HH:MM:SS PST|PDT
 */
export function parsePhillyUtil(text: string): readonly SampleSeries[] {
  const { header, rows } = csvRows(text);
  const gpus = header.flatMap((name, column) => {
    const gpu = /^(gpu\d+)_util$/.exec(name)?.[1];
    return gpu === undefined ? [] : [{ gpu, column }];
  });
  const samples = new SampleCollector();
  for (const row of rows) {
    const timeMs = stampMs(row[0]?.replace(/ P[DS]T$/, ''));
    for (const { gpu, column } of gpus) {
      const util = printedPercent(row[column]);
      if (Number.isNaN(util)) continue;
      const series = samples.of(`${row[1]}/${gpu}`);
      series.timesMs.push(timeMs);
      series.util.push(util);
    }
  }
  return samples.all();
}

/** cluster_machine_list of the Philly trace: `machineId, number of GPUs, single GPU mem`. */
export function parsePhillyMachines(text: string): readonly NodeRecord[] {
  return csvRows(text).rows.map(([name = '', gpus, memory = '']) => ({
    name,
    gpus: printedNumber(gpus) || 0,
    model: `GPU of ${memory.trim()}`,
  }));
}

const stamp = z.union([z.string(), z.number()]).nullish();
const attemptSchema = z.object({
  start_time: stamp,
  end_time: stamp,
  detail: z.array(z.object({ gpus: z.array(z.unknown()) })).default([]),
});
const jobSchema = z.object({
  status: z.string(),
  jobid: z.string(),
  attempts: z.array(attemptSchema),
  submitted_time: stamp,
});

/** How Slurm says what Philly says. */
const stateOf: Readonly<Record<string, string>> = { Pass: 'COMPLETED', Killed: 'CANCELLED', Failed: 'FAILED' };

/** cluster_job_log of the Philly trace: a JSON list of jobs with all their attempts. Errors: GPU_DAMAGED. */
export function parsePhillyJobs(text: string): readonly JobRecord[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fail('GPU_DAMAGED', { kind: 'job log', reason: 'it is not JSON' }, error);
  }
  if (!Array.isArray(value)) throw fail('GPU_DAMAGED', { kind: 'job log', reason: 'it is no list of jobs' });
  return value.flatMap((item) => {
    const job = jobSchema.safeParse(item);
    return job.success ? [jobRecord(job.data)] : [];
  });
}

function jobRecord({ status, jobid, attempts, submitted_time }: z.infer<typeof jobSchema>): JobRecord {
  const spans = attempts.map(({ start_time, end_time, detail }) => ({
    startMs: timeMs(start_time),
    endMs: timeMs(end_time),
    gpus: detail.reduce((sum, { gpus }) => sum + gpus.length, 0),
  }));
  const whole = spans.filter(({ startMs, endMs }) => endMs >= startMs);
  return {
    id: jobid,
    state: stateOf[status] ?? status,
    gpus: spans.at(-1)?.gpus ?? 0,
    seconds: whole.reduce((sum, { startMs, endMs }) => sum + (endMs - startMs) / 1000, 0),
    startMs: spans[0]?.startMs ?? Number.NaN,
    endMs: spans.at(-1)?.endMs ?? Number.NaN,
    eligibleMs: timeMs(submitted_time),
    gpuHours: whole.reduce((sum, { startMs, endMs, gpus }) => sum + (gpus * (endMs - startMs)) / 3_600_000, 0),
    gpuUtil: Number.NaN,
  };
}

function timeMs(value: string | number | null | undefined): number {
  return stampMs(typeof value === 'number' ? String(value) : (value ?? undefined));
}
