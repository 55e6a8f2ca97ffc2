import { medianOf } from '../analysis/statistics.ts';
import type { JobRecord } from '../readers/sacct.ts';
import type { SampleSeries } from '../readers/samples.ts';

/** A job with the counters of its GPUs. GPU-hours within the time of the samples. */
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
  const running = new Sweep(ran.map((job) => ({ job, from: job.startMs, until: job.endMs })));
  const waiting = new Sweep(jobs.flatMap(waitOf));
  const sum = { all: 0, allocated: 0, idle: 0, nonIdle: 0, percent: 0, waited: 0, over: 0, most: 0 };
  const hours = stepMs / 3_600_000;
  for (const { at, gpus, idle, busyPercent } of moments) {
    running.moveTo(at);
    waiting.moveTo(at);
    const allocated = Math.min(running.gpus, gpus);
    const free = gpus - allocated;
    const heldIdle = Math.max(idle - free, 0);
    sum.all += gpus * hours;
    sum.allocated += allocated * hours;
    sum.idle += heldIdle * hours;
    sum.nonIdle += (gpus - idle) * hours;
    sum.percent += busyPercent * hours;
    sum.most = Math.max(sum.most, gpus);
    sum.waited += waiting.largestUpTo(free) * hours;
    // Of GPUs that are held more than once nothing says whose they are.
    if (running.gpus > gpus) sum.over += 1;
    else
      for (const job of running.jobs) {
        const use = uses.get(job.id);
        if (use === undefined) continue;
        use.gpuHours += job.gpus * hours;
        if (running.jobs.size === 1) use.idleGpuHours += heldIdle * hours;
        else if (heldIdle === allocated) use.idleGpuHours += job.gpus * hours;
      }
  }
  return {
    gpus: sum.most,
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

/** A job from one moment until another; without an end it is running. */
interface Stay {
  readonly job: JobRecord;
  readonly from: number;
  readonly until: number;
}

/** From when a job may start until it does, or until it is given up; pending jobs still wait. */
function waitOf(job: JobRecord): readonly Stay[] {
  const { gpus, state, eligibleMs, startMs, endMs } = job;
  if (!(gpus > 0) || Number.isNaN(eligibleMs)) return [];
  const until = Number.isNaN(startMs) ? endMs : startMs;
  return Number.isNaN(until) && state !== 'PENDING' ? [] : [{ job, from: eligibleMs, until }];
}

/** The jobs at a moment that moves forward. A day has 86,400 moments, a week of a cluster 100,000 jobs: each is met once. */
class Sweep {
  readonly #starts: readonly Stay[];
  readonly #ends: readonly Stay[];
  readonly #bySize = new Map<number, number>();
  #started = 0;
  #ended = 0;
  readonly jobs = new Set<JobRecord>();
  /** GPUs of all jobs at the moment. */
  gpus = 0;

  constructor(stays: readonly Stay[]) {
    const lasting = stays.filter(({ from, until }) => !(until <= from));
    this.#starts = lasting.toSorted((a, b) => a.from - b.from);
    this.#ends = lasting.filter(({ until }) => !Number.isNaN(until)).sort((a, b) => a.until - b.until);
  }

  moveTo(at: number): void {
    for (; this.#started < this.#starts.length && this.#starts[this.#started].from <= at; this.#started += 1)
      this.#change(this.#starts[this.#started].job, 1);
    for (; this.#ended < this.#ends.length && this.#ends[this.#ended].until <= at; this.#ended += 1)
      this.#change(this.#ends[this.#ended].job, -1);
  }

  /** GPUs of the largest job that fits into this number; 0 if none does. */
  largestUpTo(free: number): number {
    let most = 0;
    for (const [gpus, count] of this.#bySize) if (count > 0 && gpus <= free) most = Math.max(most, gpus);
    return most;
  }

  #change(job: JobRecord, by: 1 | -1): void {
    if (by > 0) this.jobs.add(job);
    else this.jobs.delete(job);
    this.gpus += by * job.gpus;
    this.#bySize.set(job.gpus, (this.#bySize.get(job.gpus) ?? 0) + by);
  }
}

/** Samples of all GPUs by moment, as far apart as samples usually are. */
function momentsOf(series: readonly SampleSeries[]): { readonly moments: readonly Moment[]; readonly stepMs: number } {
  const intervals = series.flatMap(({ timesMs }) => timesMs.slice(1).map((time, index) => time - timesMs[index]));
  const stepMs = medianOf(intervals);
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
