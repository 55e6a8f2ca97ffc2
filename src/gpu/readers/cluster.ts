import { csvRows, printedNumber } from './csv.ts';

/** Iteration times of the workers of one job; `times` are positions in the run. */
export interface WorkerSeries {
  readonly worker: string;
  readonly times: readonly number[];
  readonly values: readonly number[];
}

/** Columns worker, time, batch_time_norm, as the Alibaba v2020 trace has them. */
export function parseIterations(text: string): readonly WorkerSeries[] {
  const { header, rows } = csvRows(text);
  const workers = new Map<string, { worker: string; times: number[]; values: number[] }>();
  const column = (name: string) => header.indexOf(name);
  for (const row of rows) {
    const worker = row[column('worker')] ?? '';
    const time = printedNumber(row[column('time')]);
    const value = printedNumber(row[column('batch_time_norm')]);
    if (Number.isNaN(time) || Number.isNaN(value)) continue;
    const series = workers.get(worker) ?? { worker, times: [], values: [] };
    series.times.push(time);
    series.values.push(value);
    workers.set(worker, series);
  }
  return [...workers.values()];
}

/** The GPU jobs of one cluster, summed. GPU time in GPU-seconds; NaN if unknown. */
export interface ClusterSummary {
  readonly id: string;
  readonly gpuJobs: number;
  readonly meanQueueSeconds: number;
  readonly completeGpuTime: number;
  readonly cancelGpuTime: number;
  readonly failGpuTime: number;
}

/** Columns as the Acme trace has them: id, gpu_job_num, avg_que_time_gpu, complete_gpu_time, … */
export function parseClusterSummaries(text: string): readonly ClusterSummary[] {
  const { header, rows } = csvRows(text);
  const number = (row: readonly string[], name: string) => printedNumber(row[header.indexOf(name)]);
  return rows.map((row) => ({
    id: row[header.indexOf('id')] ?? '',
    gpuJobs: number(row, 'gpu_job_num'),
    meanQueueSeconds: number(row, 'avg_que_time_gpu'),
    completeGpuTime: number(row, 'complete_gpu_time'),
    cancelGpuTime: number(row, 'cancel_gpu_time'),
    failGpuTime: number(row, 'fail_gpu_time'),
  }));
}
