import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { printedPercent } from './csv.ts';
import { parseJsonText } from './json-text.ts';
import type { NodeRecord } from './pods.ts';
import { gpuHoursOf, type JobRecord } from './sacct.ts';
import { SampleCollector, type SampleSeries } from './samples.ts';
import { stampMs } from './stamp.ts';
import { parseTable } from './table.ts';

/**
 * cluster_gpu_util of the Philly trace: a row a machine and minute, `NA` where a GPU is offline. The zone changes between
 * PDT and PST while jobs are logged by the clock on the wall: it is left out.
 *
 *   header = time,machineId,gpu0_util,…,gpu7_util;  time = YYYY-MM-DD HH:MM:SS PST|PDT
 */
export function parsePhillyUtil(text: string): readonly SampleSeries[] {
  const { header, rows } = parseTable(text, { kind: 'table of GPU utilisation', needs: ['machineId'] });
  const gpus = header.flatMap((name) => {
    const gpu = /^(gpu\d+)_util$/.exec(name)?.[1];
    return gpu === undefined ? [] : [{ gpu, column: name }];
  });
  const samples = new SampleCollector();
  for (const row of rows) {
    const timeMs = stampMs(row.text('time')?.replace(/ P[DS]T$/, ''));
    const machine = row.text('machineId') ?? '';
    if (machine === '') continue;
    for (const { gpu, column } of gpus) {
      const util = printedPercent(row.text(column));
      if (Number.isNaN(util)) continue;
      const series = samples.of(`${machine}/${gpu}`);
      series.timesMs.push(timeMs);
      series.util.push(util);
    }
  }
  return samples.all();
}

/** cluster_machine_list of the Philly trace: `machineId, number of GPUs, single GPU mem`. */
export function parsePhillyMachines(text: string): readonly NodeRecord[] {
  const needs = ['machineId', 'number of GPUs'];
  return parseTable(text, { kind: 'list of machines', needs }).rows.map((row) => {
    const memory = row.text('single GPU mem') ?? '';
    return {
      name: row.text('machineId') ?? '',
      gpus: row.printed('number of GPUs'),
      model: memory === '' ? '' : `GPU of ${memory}`,
    };
  });
}

const stamp = z.union([z.string(), z.number()]).nullish();
const attemptSchema = z.object({
  start_time: stamp,
  end_time: stamp,
  detail: z.array(z.object({ gpus: z.array(z.unknown()) })).optional(),
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
  const value = parseJsonText('job log', text);
  if (!Array.isArray(value)) throw fail('GPU_DAMAGED', { kind: 'job log', reason: 'it is no list of jobs' });
  return value.flatMap((item) => {
    const job = jobSchema.safeParse(item);
    return job.success ? [jobRecord(job.data)] : [];
  });
}

function jobRecord({ status, jobid, attempts, submitted_time }: z.infer<typeof jobSchema>): JobRecord {
  const spans = attempts.map(({ start_time, end_time, detail }) => {
    const [startMs, endMs] = [timeMs(start_time), timeMs(end_time)];
    const gpus = detail?.reduce((sum, { gpus: own }) => sum + own.length, 0) ?? Number.NaN;
    return { startMs, endMs, gpus, seconds: endMs >= startMs ? (endMs - startMs) / 1000 : Number.NaN };
  });
  const total = (of: (span: (typeof spans)[number]) => number) => spans.reduce((sum, span) => sum + of(span), 0);
  return {
    id: jobid,
    state: stateOf[status] ?? status,
    // A job that never started held no GPU.
    gpus: spans.at(-1)?.gpus ?? 0,
    // An attempt of unknown length leaves the sum unknown.
    seconds: total(({ seconds }) => seconds),
    startMs: spans[0]?.startMs ?? Number.NaN,
    endMs: spans.at(-1)?.endMs ?? Number.NaN,
    eligibleMs: timeMs(submitted_time),
    gpuHours: total(({ gpus, seconds: own }) => gpuHoursOf(gpus, own)),
    gpuUtil: Number.NaN,
  };
}

function timeMs(value: string | number | null | undefined): number {
  return stampMs(typeof value === 'number' ? String(value) : (value ?? undefined));
}
