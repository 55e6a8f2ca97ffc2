import type { NodeRecord, PodRecord } from '../readers/pods.ts';
import type { JobRecord } from '../readers/sacct.ts';
import { slurmState } from '../readers/sacct-columns.ts';
import { medianOf, quantile } from './statistics.ts';

/** The facts of a list of pods: occupancy is always from a sweep over (start, end), never from the phase column. */
export interface PodFacts {
  readonly pods: number;
  readonly byPhase: ReadonlyMap<string, number>;
  readonly totalGpus: number | undefined;
  /** NaN if the list does not tell. */
  readonly neverScheduled: number;
  readonly neverScheduledWithGpu: number;
  readonly neverScheduledFraction: number;
  readonly medianLifeOfNeverScheduledS: number;
  readonly scheduled: number;
  readonly queueMedianS: number;
  readonly queueP90S: number;
  readonly queueMaxS: number;
  /** GPUs in use at once, from (scheduled, ended); NaN without times. */
  readonly mostGpus: number;
  readonly meanGpus: number;
  readonly spanS: number;
  /** Pods that waited while their GPUs were free at the same instant; undefined without a node list. */
  readonly waitedWhileFree: number | undefined;
  readonly gpuHours: number;
  /** Pods whose GPUs or times are not recorded, so that they are in no number above. */
  readonly unknown: number;
}

/** Sweeps over the lives of pods. */
export function podFacts(pods: readonly PodRecord[], nodes: readonly NodeRecord[] | undefined): PodFacts {
  const byPhase = new Map<string, number>();
  for (const { phase } of pods) byPhase.set(phase, (byPhase.get(phase) ?? 0) + 1);
  // Without the time, a pod that ran was scheduled all the same.
  const never = pods.filter(({ phase, scheduledMs }) => phase === 'Pending' && Number.isNaN(scheduledMs));
  // Without phase and time nothing says whether a pod was scheduled.
  const undecided = pods.some(({ phase, scheduledMs }) => phase === '' && Number.isNaN(scheduledMs));
  const countOf = (test: (pod: PodRecord) => boolean) => (undecided ? Number.NaN : never.filter(test).length);
  const scheduled = pods.filter(({ scheduledMs }) => !Number.isNaN(scheduledMs));
  const queues = scheduled
    .map(({ createdMs, scheduledMs }) => (scheduledMs - createdMs) / 1000)
    .filter((s) => !Number.isNaN(s))
    .sort((a, b) => a - b);
  const lives = never
    .map(({ createdMs, endedMs }) => (endedMs - createdMs) / 1000)
    .filter((s) => !Number.isNaN(s))
    .sort((a, b) => a - b);
  const known = nodes?.reduce((sum, { gpus }) => sum + gpus, 0);
  // A node of unknown size leaves the sum unknown.
  const totalGpus = Number.isNaN(known) ? undefined : known;
  const sweep = sweepUse(scheduled);
  return {
    pods: pods.length,
    byPhase,
    totalGpus,
    neverScheduled: countOf(() => true),
    neverScheduledWithGpu: countOf(({ gpus }) => gpus > 0),
    neverScheduledFraction: countOf(({ gpus }) => gpus > 0 && gpus < 1),
    medianLifeOfNeverScheduledS: medianOf(lives),
    scheduled: scheduled.length,
    queueMedianS: medianOf(queues),
    queueP90S: quantile(queues, 0.9),
    queueMaxS: queues.at(-1) ?? Number.NaN,
    ...sweep,
    waitedWhileFree: totalGpus === undefined ? undefined : waitedWhileFree(never, scheduled, totalGpus),
    unknown: pods.filter(
      ({ phase, gpus, scheduledMs, endedMs }) =>
        Number.isNaN(gpus) ||
        (gpus > 0 && phase !== 'Pending' && Number.isNaN(scheduledMs + (phase === 'Running' ? 0 : endedMs))),
    ).length,
  };
}

/** Changes of the GPUs in use; a pod that still runs holds them to the end of the list. */
function useChanges(pods: readonly PodRecord[]): readonly { at: number; gpus: number }[] {
  return pods
    .map((pod) => ({ ...pod, endedMs: isOpen(pod) ? Number.POSITIVE_INFINITY : pod.endedMs }))
    .filter(({ gpus, scheduledMs, endedMs }) => gpus > 0 && endedMs >= scheduledMs)
    .flatMap(({ gpus, scheduledMs, endedMs }) => [
      { at: scheduledMs, gpus },
      { at: endedMs, gpus: -gpus },
    ])
    .sort((a, b) => a.at - b.at || a.gpus - b.gpus);
}

function isOpen({ phase, endedMs }: PodRecord): boolean {
  return phase === 'Running' && Number.isNaN(endedMs);
}

function sweepUse(pods: readonly PodRecord[]): { mostGpus: number; meanGpus: number; spanS: number; gpuHours: number } {
  const all = useChanges(pods);
  const changes = all.filter(({ at }) => at < Number.POSITIVE_INFINITY);
  if (all.length === 0) return { mostGpus: Number.NaN, meanGpus: Number.NaN, spanS: Number.NaN, gpuHours: Number.NaN };
  let used = 0;
  let mostGpus = 0;
  let area = 0;
  for (const [index, { at, gpus }] of changes.entries()) {
    if (index > 0) area += used * (at - changes[index - 1].at);
    used += gpus;
    mostGpus = Math.max(mostGpus, used);
  }
  const first = changes[0]?.at ?? 0;
  const last = changes.at(-1)?.at ?? 0;
  return {
    mostGpus,
    meanGpus: last > first ? area / (last - first) : 0,
    spanS: (last - first) / 1000,
    gpuHours: area / 3_600_000,
  };
}

/** Pods never scheduled although, when they were created, as many GPUs as they asked for were free. */
function waitedWhileFree(never: readonly PodRecord[], scheduled: readonly PodRecord[], totalGpus: number): number {
  const changes = useChanges(scheduled);
  let used = 0;
  let at = 0;
  let count = 0;
  const waiting = never.filter(({ gpus }) => gpus > 0).sort((a, b) => a.createdMs - b.createdMs);
  for (const { gpus, createdMs } of waiting) {
    while (at < changes.length && changes[at].at <= createdMs) used += changes[at++].gpus;
    if (totalGpus - used >= gpus) count += 1;
  }
  return count;
}

/** GPU-hours of jobs by final state; of the jobs whose GPU-hours are recorded. */
export interface JobFacts {
  readonly jobs: number;
  /** NaN if they are recorded of no job. */
  readonly gpuHours: number;
  /** Jobs whose GPU-hours are not recorded. */
  readonly unknown: number;
  readonly byState: ReadonlyMap<string, number>;
  /** GPU-hours that ended in FAILED, CANCELLED, TIMEOUT, OUT_OF_MEMORY or NODE_FAIL; NaN without states. */
  readonly lostHours: number;
  readonly queueMedianS: number;
  readonly queueP90S: number;
  readonly mostGpus: number;
}

const lostStates = new Set(['FAILED', 'CANCELLED', 'TIMEOUT', 'OUT_OF_MEMORY', 'NODE_FAIL', 'BOOT_FAIL', 'DEADLINE']);

/** Sums jobs. */
export function jobFacts(jobs: readonly JobRecord[]): JobFacts {
  const byState = new Map<string, number>();
  const known = jobs.filter(({ gpuHours }) => !Number.isNaN(gpuHours));
  for (const { state, gpuHours } of known) byState.set(state, (byState.get(state) ?? 0) + gpuHours);
  const queues = jobs
    .map(({ eligibleMs, startMs }) => (startMs - eligibleMs) / 1000)
    .filter((seconds) => !Number.isNaN(seconds))
    .sort((a, b) => a - b);
  const lives = jobs.map(({ id, state, gpus, startMs, endMs, eligibleMs }) => ({
    name: id,
    phase: state === 'RUNNING' ? 'Running' : '',
    gpus,
    createdMs: eligibleMs,
    scheduledMs: startMs,
    endedMs: endMs,
  }));
  return {
    jobs: jobs.length,
    gpuHours: known.length === 0 ? Number.NaN : known.reduce((sum, { gpuHours }) => sum + gpuHours, 0),
    unknown: jobs.length - known.length,
    byState,
    lostHours: ![...byState.keys()].some((state) => slurmState.test(state))
      ? Number.NaN
      : [...byState].reduce((sum, [state, hours]) => (lostStates.has(state) ? sum + hours : sum), 0),
    queueMedianS: medianOf(queues),
    queueP90S: quantile(queues, 0.9),
    mostGpus: sweepUse(lives.filter(({ scheduledMs }) => !Number.isNaN(scheduledMs))).mostGpus,
  };
}
