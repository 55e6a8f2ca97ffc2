import type { JobFacts, PodFacts } from '../analysis/occupancy.ts';
import { meanOf } from '../analysis/statistics.ts';
import type { Utilisation } from '../analysis/utilisation.ts';
import type { Evidence, FindingDraft } from '../finding.ts';
import type { Allocation } from '../join/allocation.ts';
import type { ClusterSummary } from '../readers/cluster.ts';
import type { SampleSeries } from '../readers/samples.ts';
import { percent } from './rule.ts';

/** P below this is a finding. */
const NON_IDLE_FROM = 0.7;
const LOST_FROM = 0.15;
/** A shorter log says nothing about a cluster. */
const LEAST_SAMPLES = 30;
/** A list that never shows more GPUs in use is incomplete. */
const WHOLE_LIST_FROM = 0.3;

const fixes = {
  idle: [
    'a reaper for allocations that are idle for longer than an agreed time; interactive sessions with a limit',
    'MIG or MPS for jobs that do not fill a GPU',
  ],
  dead: ['ask for as many GPUs as the job uses: check the world size and CUDA_VISIBLE_DEVICES'],
  lost: [
    'checkpoint often enough that cancelled and failed jobs lose little',
    'begin with a short run that fails early; look at what the failed jobs have in common',
  ],
  waiting: [
    'gang scheduling: place the pods of a job together or not at all',
    'packing for small jobs, quotas, and sharing (MIG, MPS) for fractions of a GPU',
  ],
} as const;

/** Cause 6 in counters: GPUs that are allocated and idle. */
export function idleAllocated(
  file: string,
  use: Utilisation,
  series: readonly SampleSeries[],
): readonly FindingDraft[] {
  const drafts: FindingDraft[] = [];
  const hours = hoursOf(series);
  if (use.samples >= LEAST_SAMPLES && use.nonIdleShare < NON_IDLE_FROM && use.nonIdleShare > 0) {
    drafts.push(
      schedulingDraft(
        file,
        `GPUs are idle ${percent(use.idleShare)} % of the time that they are held`,
        Number.isNaN(hours) ? null : hours * use.idleShare,
        [
          {
            file,
            what: 'share of time with utilisation of at least 1 % (P)',
            value: percent(use.nonIdleShare),
            unit: '%',
          },
          { file, what: 'mean utilisation of that time (C)', value: round(use.meanOfNonIdle), unit: '%' },
          { file, what: 'mean utilisation, P × C', value: round(use.mean), unit: '%' },
          { file, what: 'share of time at 95 % or more', value: percent(use.saturatedShare), unit: '%' },
        ],
        fixes.idle,
        hours,
      ),
    );
  }
  return drafts;
}

/** Cause 6 in counters: idle GPUs next to busy ones. */
export function deadGpus(file: string, use: Utilisation, series: readonly SampleSeries[]): readonly FindingDraft[] {
  const drafts: FindingDraft[] = [];
  const hours = hoursOf(series);
  const means = series.map(({ gpu, util }) => ({ gpu, mean: meanOf(util) }));
  const dead = means.filter(({ mean }) => mean < 1);
  const busy = means.filter(({ mean }) => mean > 10);
  if (dead.length > 0 && busy.length > 0 && use.samples >= LEAST_SAMPLES) {
    drafts.push(
      schedulingDraft(
        file,
        `${dead.length} of ${series.length} GPUs do nothing while the others work: a wrong world size or CUDA_VISIBLE_DEVICES`,
        Number.isNaN(hours) ? null : (hours * dead.length) / series.length,
        means.map(({ gpu, mean }) => ({ file, what: `GPU ${gpu}: mean utilisation`, value: round(mean), unit: '%' })),
        fixes.dead,
        hours,
      ),
    );
  }
  return drafts;
}

/** Cause 6 in counters together with the jobs of the scheduler: GPUs that no job holds, and jobs that hold GPUs and leave them idle. */
export function allocationFindings(file: string, use: Allocation): readonly FindingDraft[] {
  const drafts: FindingDraft[] = [];
  const apart: readonly Evidence[] = [
    { file, what: 'share of GPU time that is allocated (A)', value: percent(use.allocatedShare), unit: '%' },
    { file, what: 'share of that with utilisation of at least 1 % (P)', value: percent(use.nonIdleShare), unit: '%' },
    {
      file,
      what: 'mean utilisation of that time (C)',
      value: round(use.nonIdleShare === 0 ? 0 : use.meanOfNonIdle),
      unit: '%',
    },
    {
      file,
      what: 'mean utilisation, A × P × C',
      value: round(use.nonIdleShare === 0 ? 0 : use.allocatedShare * use.nonIdleShare * use.meanOfNonIdle),
      unit: '%',
    },
  ];
  if (use.nonIdleShare < NON_IDLE_FROM && use.allocatedGpuHours > 0) {
    const worst = use.jobs.filter(({ idleGpuHours }) => idleGpuHours > 0).slice(0, 5);
    drafts.push(
      schedulingDraft(
        file,
        `jobs hold ${hoursText(use.idleGpuHours)} GPU-hours of ${hoursText(use.allocatedGpuHours)} and leave them idle`,
        use.idleGpuHours,
        [
          ...worst.map(({ id, gpus, gpuHours, idleGpuHours }) => ({
            file,
            what: `job ${id} on ${gpus} GPU${gpus === 1 ? '' : 's'}: idle, of ${hoursText(gpuHours)} GPU-hours`,
            value: Number(hoursText(idleGpuHours)),
            unit: 'GPU-hours',
            events: [id],
          })),
          ...apart,
        ],
        fixes.idle,
        use.allocatedGpuHours,
      ),
    );
  }
  if (1 - use.allocatedShare >= LOST_FROM) {
    const unused = use.gpuHours - use.allocatedGpuHours;
    drafts.push(
      schedulingDraft(
        file,
        `no job holds the GPUs for ${percent(1 - use.allocatedShare)} % of the time`,
        unused,
        [
          ...apart,
          {
            file,
            what: 'of this, jobs that would have fitted waited at the same moment',
            value: Number(hoursText(use.waitedWhileFreeGpuHours)),
            unit: 'GPU-hours',
          },
        ],
        fixes.waiting,
        use.gpuHours,
      ),
    );
  }
  return drafts;
}

function hoursText(hours: number): string {
  return hours >= 10 ? hours.toFixed(1) : hours.toFixed(3);
}

/** Cause 6 in accounting: GPU-hours of jobs that did not complete. */
export function lostJobs(file: string, facts: JobFacts): readonly FindingDraft[] {
  if (facts.jobs < 10 || !(facts.gpuHours > 0) || !(facts.lostHours >= LOST_FROM * facts.gpuHours)) return [];
  return [
    schedulingDraft(
      file,
      `${percent(facts.lostHours / facts.gpuHours)} % of GPU-hours went to jobs that failed or were cancelled`,
      facts.lostHours,
      [
        { file, what: 'jobs', value: facts.jobs, unit: 'jobs' },
        ...[...facts.byState]
          .sort((a, b) => b[1] - a[1])
          .slice(0, 12)
          .map(([state, hours]) => ({ file, what: state.slice(0, 40), value: round(hours), unit: 'GPU-hours' })),
        ...(Number.isNaN(facts.queueMedianS)
          ? []
          : [
              { file, what: 'median time in the queue', value: round(facts.queueMedianS), unit: 's' },
              { file, what: '90 % start within', value: round(facts.queueP90S), unit: 's' },
            ]),
        { file, what: 'most GPUs in use at once, by a sweep over (start, end)', value: facts.mostGpus, unit: 'GPUs' },
      ],
      fixes.lost,
      facts.gpuHours,
    ),
  ];
}

/** Cause 6 in sums over a cluster. */
export function lostClusterTime(file: string, clusters: readonly ClusterSummary[]): readonly FindingDraft[] {
  return clusters.flatMap(({ id, completeGpuTime, cancelGpuTime, failGpuTime, meanQueueSeconds, gpuJobs }) => {
    const all = completeGpuTime + cancelGpuTime + failGpuTime;
    if (!((cancelGpuTime + failGpuTime) / all >= LOST_FROM)) return [];
    return [
      schedulingDraft(
        file,
        `${id}: ${percent((cancelGpuTime + failGpuTime) / all)} % of GPU time went to jobs that were cancelled or failed`,
        (cancelGpuTime + failGpuTime) / 3600,
        [
          { file, what: 'completed', value: percent(completeGpuTime / all), unit: '% of GPU time' },
          { file, what: 'cancelled', value: percent(cancelGpuTime / all), unit: '% of GPU time' },
          { file, what: 'failed', value: percent(failGpuTime / all), unit: '% of GPU time' },
          { file, what: 'mean time in the queue', value: Math.round(meanQueueSeconds), unit: 's' },
          { file, what: 'GPU jobs', value: gpuJobs, unit: 'jobs' },
        ],
        fixes.lost,
        all / 3600,
      ),
    ];
  });
}

/** Cause 6 in pod lists: pods that were never scheduled, while GPUs were free at the same instant, if that is known. */
export function unscheduledPods(file: string, facts: PodFacts): readonly FindingDraft[] {
  const asked = facts.neverScheduledWithGpu;
  if (!(asked >= 10 && asked >= 0.05 * facts.pods)) return [];
  const whole = facts.totalGpus !== undefined && facts.mostGpus >= WHOLE_LIST_FROM * facts.totalGpus;
  const free = whole ? facts.waitedWhileFree : undefined;
  const rows: Evidence[] = [
    { file, what: 'pods that asked for a GPU and were never scheduled', value: asked, unit: 'pods' },
    { file, what: 'of these, for a fraction of one', value: facts.neverScheduledFraction, unit: 'pods' },
    { file, what: 'median life of a pod never scheduled', value: facts.medianLifeOfNeverScheduledS, unit: 's' },
    { file, what: 'median time in the queue of scheduled pods', value: facts.queueMedianS, unit: 's' },
    { file, what: '90 % are scheduled within', value: facts.queueP90S, unit: 's' },
    { file, what: 'longest time in the queue', value: facts.queueMaxS, unit: 's' },
    {
      file,
      what: 'most GPUs in use at once, by a sweep over (scheduled, ended)',
      value: round(facts.mostGpus),
      unit: 'GPUs',
    },
    ...(free === undefined
      ? []
      : [{ file, what: 'never scheduled although as many GPUs were free when they came', value: free, unit: 'pods' }]),
  ];
  return [
    schedulingDraft(
      file,
      `${asked} of ${facts.pods} pods asked for a GPU and were deleted without ever being scheduled`,
      null,
      rows,
      fixes.waiting,
    ),
  ];
}

/** The answers that a pod list lacks. */
export function podLimitations(facts: PodFacts): readonly string[] {
  const texts = [
    'the phase of a pod is its last one and says nothing about any one moment: occupancy is from a sweep over (scheduled, ended)',
  ];
  if (facts.totalGpus !== undefined && facts.mostGpus < WHOLE_LIST_FROM * facts.totalGpus)
    texts.push(
      `at most ${round(facts.mostGpus)} of ${facts.totalGpus} GPUs are in use at once in this list: it is a part of what ran, and cannot give the allocation of the cluster`,
    );
  return texts;
}

function schedulingDraft(
  file: string,
  title: string,
  gpuHours: number | null,
  rows: readonly Evidence[],
  fix: readonly string[],
  ofGpuHours = Number.NaN,
): FindingDraft {
  return {
    cause: 'scheduling',
    title,
    scope: { file, rank: null, device: null, window: 'samples or jobs' },
    evidence: rows,
    shareOfStep: null,
    recoverableUs: null,
    gpuHours,
    ofGpuHours,
    expected: 'no comparable measurement; the gain is GPU-hours, not speed: multiply by the price of an hour',
    confidence: 'medium',
    disproof:
      'if the same GPUs are not allocated to any job at these times, they are unallocated, not idle: compare with sacct or the pod list',
    fix,
    nextCommand:
      'sacct -a -P -S now-7days --format=JobID,State,ExitCode,Start,End,ElapsedRaw,AllocTRES,Eligible,JobName',
  };
}

/** GPU-hours that the samples cover; NaN without times. */
function hoursOf(series: readonly SampleSeries[]): number {
  const spans = series.map(({ timesMs }) =>
    timesMs.length < 2 ? Number.NaN : (timesMs[timesMs.length - 1] - timesMs[0]) / 3_600_000,
  );
  return spans.some((hours) => Number.isNaN(hours)) ? Number.NaN : spans.reduce((sum, hours) => sum + hours, 0);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
