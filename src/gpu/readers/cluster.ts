import { parseTable } from './table.ts';

/** Iteration times of the workers of one job; `times` are positions in the run. */
export interface WorkerSeries {
  readonly worker: string;
  readonly times: readonly number[];
  readonly values: readonly number[];
}

/** Columns worker, time, batch_time_norm, as the Alibaba v2020 trace has them. */
export function parseIterations(text: string): readonly WorkerSeries[] {
  const needs = ['worker', 'time', 'batch_time_norm'];
  const workers = new Map<string, { worker: string; times: number[]; values: number[] }>();
  for (const row of parseTable(text, { kind: 'table of iteration times', needs }).rows) {
    const worker = row.text('worker') ?? '';
    const time = row.printed('time');
    const value = row.printed('batch_time_norm');
    if (worker === '' || Number.isNaN(time) || Number.isNaN(value)) continue;
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
  const needs = ['id', 'complete_gpu_time', 'cancel_gpu_time', 'fail_gpu_time'];
  return parseTable(text, { kind: 'summary of clusters', needs }).rows.map((row) => ({
    id: row.text('id') ?? '',
    gpuJobs: row.printed('gpu_job_num'),
    meanQueueSeconds: row.printed('avg_que_time_gpu'),
    completeGpuTime: row.printed('complete_gpu_time'),
    cancelGpuTime: row.printed('cancel_gpu_time'),
    failGpuTime: row.printed('fail_gpu_time'),
  }));
}
