import { middle } from '../analysis/utilisation.ts';
import type { JobRecord } from '../readers/sacct.ts';
import type { SampleSeries } from '../readers/samples.ts';

/** A job beside the counters of its GPUs. GPU-hours within the time of the samples. */
export interface JobUse {
  readonly id: string;
  readonly gpus: number;
  readonly gpuHours: number;
  /** Held and idle; only moments that can be this job's alone. */
  readonly idleGpuHours: number;
}

/** Utilisation taken apart as U = A × P × C, with A from the scheduler. GPU-hours within the time of the samples. */
export interface Allocation {
  readonly gpus: number;
  readonly gpuHours: number;
  readonly allocatedGpuHours: number;
  /** Allocated and below 1 %: at least so much, since idle GPUs count as unallocated first. */
  readonly idleGpuHours: number;
  /** A: share of GPU time that is allocated. */
  readonly allocatedShare: number;
  /** P: share of the allocated time that is not idle. */
  readonly nonIdleShare: number;
  /** C: mean utilisation of the time that is not idle, in percent. */
  readonly meanOfNonIdle: number;
  /** GPU-hours that jobs asked for and waited, while as many GPUs were free at the same moment. */
  readonly waitedWhileFreeGpuHours: number;
  readonly jobs: readonly JobUse[];
  /** Share of the time in which jobs hold more GPUs than were sampled: they are not all of these GPUs. */
  readonly overbookedShare: number;
}

interface Moment {
  readonly at: number;
  gpus: number;
  idle: number;
  busyPercent: number;
}

/** Joins counters with the jobs that ran meanwhile; undefined without times or jobs. */
export function joinAllocation(series: readonly SampleSeries[], jobs: readonly JobRecord[]): Allocation | undefined {
  const { moments, stepMs } = momentsOf(series);
  const first = moments[0];
  const last = moments[moments.length - 1];
  if (first === undefined || last === undefined || !(stepMs > 0)) return undefined;
  const ran = jobs.filter(
    ({ gpus, startMs, endMs }) => gpus > 0 && startMs <= last.at && !(endMs <= first.at) && !Number.isNaN(startMs),
  );
  if (ran.length === 0) return undefined;
  const uses = new Map(ran.map(({ id, gpus }) => [id, { id, gpus, gpuHours: 0, idleGpuHours: 0 }]));
  const sum = { all: 0, allocated: 0, idle: 0, nonIdle: 0, percent: 0, waited: 0, over: 0 };
  const hours = stepMs / 3_600_000;
  for (const { at, gpus, idle, busyPercent } of moments) {
    const running = ran.filter(({ startMs, endMs }) => startMs <= at && !(endMs <= at));
    const held = running.reduce((total, job) => total + job.gpus, 0);
    const allocated = Math.min(held, gpus);
    const free = gpus - allocated;
    const heldIdle = Math.max(idle - free, 0);
    sum.all += gpus * hours;
    sum.allocated += allocated * hours;
    sum.idle += heldIdle * hours;
    sum.nonIdle += (gpus - idle) * hours;
    sum.percent += busyPercent * hours;
    if (held > gpus) sum.over += 1;
    const waiting = jobs.filter(({ eligibleMs, startMs }) => eligibleMs <= at && startMs > at);
    sum.waited += waiting.reduce((most, job) => (job.gpus <= free ? Math.max(most, job.gpus) : most), 0) * hours;
    for (const job of running) {
      const use = uses.get(job.id);
      if (use === undefined) continue;
      use.gpuHours += job.gpus * hours;
      if (running.length === 1) use.idleGpuHours += heldIdle * hours;
      else if (heldIdle === allocated) use.idleGpuHours += job.gpus * hours;
    }
  }
  return {
    gpus: Math.max(...moments.map(({ gpus }) => gpus)),
    gpuHours: sum.all,
    allocatedGpuHours: sum.allocated,
    idleGpuHours: sum.idle,
    allocatedShare: sum.allocated / sum.all,
    nonIdleShare: sum.allocated === 0 ? 0 : Math.min(sum.nonIdle / sum.allocated, 1),
    meanOfNonIdle: sum.nonIdle === 0 ? 0 : sum.percent / sum.nonIdle,
    waitedWhileFreeGpuHours: sum.waited,
    jobs: [...uses.values()].sort((a, b) => b.idleGpuHours - a.idleGpuHours),
    overbookedShare: sum.over / moments.length,
  };
}

/** Samples of all GPUs by moment, as far apart as samples usually are. */
function momentsOf(series: readonly SampleSeries[]): { readonly moments: readonly Moment[]; readonly stepMs: number } {
  const intervals = series.flatMap(({ timesMs }) => timesMs.slice(1).map((time, index) => time - timesMs[index]));
  const stepMs = middle(intervals);
  const found = new Map<number, Moment>();
  for (const { timesMs, util } of series) {
    for (const [index, time] of timesMs.entries()) {
      const value = util[index] ?? Number.NaN;
      if (Number.isNaN(value) || Number.isNaN(time)) continue;
      const key = Math.round(time / stepMs);
      const moment = found.get(key) ?? { at: time, gpus: 0, idle: 0, busyPercent: 0 };
      moment.gpus += 1;
      if (value < 1) moment.idle += 1;
      else moment.busyPercent += value;
      found.set(key, moment);
    }
  }
  return { moments: [...found.values()].sort((a, b) => a.at - b.at), stepMs };
}
