import type { Evidenced } from '../advice.ts';
import { type CounterShares, contradictionText, notBusyText } from '../analysis/counter-agreement.ts';
import { meanOf } from '../analysis/statistics.ts';
import { activityOf, type Utilisation } from '../analysis/utilisation.ts';
import { type Evidence, type FindingDraft, noMeasurement, SILENT_BELOW } from '../finding.ts';
import type { DcgmDevice } from '../readers/dcgm.ts';
import type { SampleSeries } from '../readers/samples.ts';
import { percent } from './rule.ts';

/** Slower sampling than this cannot name a cause when the signal swings. */
const SLOWEST_MS = 10_000;
const SWINGS = 40;

/** Why samples give no cause; undefined if nothing is wrong with them. */
export function sampleDoubt(use: Utilisation, given: ReadonlySet<Evidenced>): string | undefined {
  if (use.samples < 30)
    return `${use.samples} samples are too few: sample for minutes (nvidia-smi dmon -s putcm -o TD -d 1)`;
  if (use.intervalMs >= SLOWEST_MS && use.spread[1] - use.spread[0] > SWINGS)
    return `a sample each ${Math.round(use.intervalMs / 1000)} s of a signal that swings from ${use.spread[0]} to ${use.spread[1]} % names no cause: sample each second or faster${given.has('trace') ? '' : ', or record a trace'}`;
  if (use.mean < 50)
    return `utilisation is low (${use.mean.toFixed(1)} %) and samples do not tell why: ${nextTrace(given)}`;
  return undefined;
}

/** Other facts of the samples, for the reader. */
export function sampleNotes(use: Utilisation): readonly string[] {
  const notes: string[] = [];
  if (use.holes > 0)
    notes.push(
      `${use.holes} holes between samples, the longest ${(use.longestHoleMs / 1000).toFixed(1)} s: shares are weighted by time, not by sample`,
    );
  if (use.peakMemoryShare <= 0.5)
    notes.push(
      `peak memory is ${percent(use.peakMemoryShare)} % of the GPU: memory leaves room for a larger batch, if a trace shows that small kernels are the limit`,
    );
  if (use.meanClockMhz > 0 && use.meanClockMhz < 600)
    notes.push(`the mean clock is ${Math.round(use.meanClockMhz)} MHz: utilisation at such a clock is little work`);
  return notes;
}

/** One scrape of a device, in a few words. */
export function dcgmText(device: DcgmDevice): string {
  const fields = [
    ['engine', 'DCGM_FI_PROF_GR_ENGINE_ACTIVE', 100],
    ['SMs', 'DCGM_FI_PROF_SM_ACTIVE', 100],
    ['Tensor Cores', 'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE', 100],
    ['DRAM', 'DCGM_FI_PROF_DRAM_ACTIVE', 100],
    ['GPU_UTIL', 'DCGM_FI_DEV_GPU_UTIL', 1],
  ] as const;
  const parts = fields.flatMap(([name, field, factor]) => {
    const value = device.fields.get(field);
    return value === undefined ? [] : [`${name} ${(value * factor).toFixed(1)} %`];
  });
  return `${deviceLabel(device)}: ${parts.length === 0 ? 'no counter of activity' : parts.join(', ')}`;
}

/** How a device is called: its GPU, and its MIG instance. */
export function deviceLabel({ gpu, migProfile }: DcgmDevice): string {
  return migProfile === undefined ? `GPU ${gpu}` : `GPU ${gpu}, instance ${migProfile}`;
}

/** The facts of one scrape of the DCGM exporter. */
export interface ScrapeFindings {
  readonly drafts: readonly FindingDraft[];
  /** Where counters contradict each other. */
  readonly reasons: readonly string[];
  /** Devices that are not shown to be busy. */
  readonly doubts: readonly string[];
}

/** Findings from one scrape of the DCGM exporter; a device is busy only if each of its counters says so. */
export function dcgmFindings(
  file: string,
  devices: readonly DcgmDevice[],
  given: ReadonlySet<Evidenced>,
): ScrapeFindings {
  const drafts: FindingDraft[] = [];
  const reasons: string[] = [];
  const doubts: string[] = [];
  if (devices.length === 0) doubts.push('the scrape has no GPU');
  for (const device of devices) {
    const shares = dcgmShares(device);
    const label = deviceLabel(device);
    const contradiction = contradictionText(shares);
    if (contradiction !== undefined) {
      reasons.push(`${label}: ${contradiction}: ${nextSamples(given)}`);
      continue;
    }
    drafts.push(...activityFindings(file, label, shares, ONE_SCRAPE));
    const idle = notBusyText(shares);
    if (idle !== undefined) doubts.push(`${label}: ${idle}, and one scrape does not tell why: ${nextSamples(given)}`);
  }
  return { drafts, reasons, doubts };
}

/** The evidence that would tell why a GPU is not busy: counters over time, and then a trace. */
function nextSamples(given: ReadonlySet<Evidenced>): string {
  if (given.has('activity')) return nextTrace(given);
  const sample = 'sample for minutes (nvidia-smi dmon -s pucm -o TD -d 1 --gpm-metrics=2,5,10 > dmon.txt)';
  return given.has('trace') ? sample : `${sample}, or record a trace of some steps`;
}

/** A trace, or how the one that was given must differ. */
function nextTrace(given: ReadonlySet<Evidenced>): string {
  return given.has('trace')
    ? 'the steps of the trace may be others: record the same minutes with both'
    : 'record a trace of some steps (torch.profiler with activities=[CPU, CUDA], with_stack=True)';
}

/** The counters of a device of a scrape. */
export function dcgmShares({ fields }: DcgmDevice): CounterShares {
  const get = (name: string) => fields.get(name) ?? Number.NaN;
  return {
    util: get('DCGM_FI_DEV_GPU_UTIL') / 100,
    engine: get('DCGM_FI_PROF_GR_ENGINE_ACTIVE'),
    sm: get('DCGM_FI_PROF_SM_ACTIVE'),
    tensor: get('DCGM_FI_PROF_PIPE_TENSOR_ACTIVE'),
    dram: get('DCGM_FI_PROF_DRAM_ACTIVE'),
  };
}

const ONE_SCRAPE = 'one scrape is one moment: if a trace of some steps shows something else, believe the trace';

/** The joint reading of the activity of SMs, Tensor Cores and memory. */
function activityFindings(
  file: string,
  label: string,
  { engine: active, sm, tensor, dram }: CounterShares,
  disproof: string,
): readonly FindingDraft[] {
  const row = (what: string, value: number): Evidence => ({
    file,
    what: `${label}: ${what}`,
    value: Math.round(value * 1e6) / 1e6,
    unit: 'share of time',
  });
  const draft = (cause: FindingDraft['cause'], title: string, rows: readonly Evidence[]) => [
    counterDraft(file, cause, title, rows, disproof),
  ];
  if (dram >= 0.6 && tensor < 0.2)
    return draft(
      'kernel-efficiency',
      `${label} is bound by memory bandwidth: DRAM is active ${percent(dram)} % of the time, Tensor Cores ${percent(tensor)} %`,
      [row('DRAM active', dram), row('Tensor Cores active', tensor), row('engine active', active)],
    );
  if (active >= 0.8 && sm < 0.5)
    return draft(
      'launch-overhead',
      `${label} always runs some kernel, but on few SMs (${percent(sm)} %): small grids or gaps`,
      [row('engine active', active), row('SMs active', sm)],
    );
  if (sm >= 0.8 && tensor < 0.02)
    return draft('kernel-efficiency', `${label} computes without Tensor Cores`, [
      row('SMs active', sm),
      row('Tensor Cores active', tensor),
    ]).map((one) => ({ ...one, mechanism: 'precision' as const }));
  return [];
}

/** The same from sampled counters (nvidia-smi dmon --gpm-metrics), means over the samples in which a kernel ran. */
export function sampledActivity(file: string, series: readonly SampleSeries[]): readonly FindingDraft[] {
  return series.flatMap((one) => {
    const shares = sampledShares(one);
    return shares === undefined || contradictionText(shares) !== undefined
      ? []
      : activityFindings(
          file,
          `GPU ${one.gpu}`,
          // Utilisation stands for the engine, which dmon does not print.
          { ...shares, engine: shares.util },
          'means over minutes mix phases: if a trace of some steps shows something else, believe the trace',
        );
  });
}

/** Where sampled counters contradict each other, by GPU. */
export function sampledContradictions(series: readonly SampleSeries[]): readonly string[] {
  return series.flatMap((one) => {
    const shares = sampledShares(one);
    const text = shares === undefined ? undefined : contradictionText(shares);
    return text === undefined ? [] : [`GPU ${one.gpu}: ${text}`];
  });
}

/** Means over the samples in which a kernel ran; undefined if there are too few of them. */
function sampledShares(one: SampleSeries): CounterShares | undefined {
  const { smActive, tensorActive, dramActive } = activityOf([one]);
  const known = one.util.filter((value) => value >= 1);
  if (known.length < LEAST_SAMPLES) return undefined;
  const util = meanOf(known) / 100;
  return { util, engine: Number.NaN, sm: smActive, tensor: tensorActive, dram: dramActive };
}

/** Below this mean utilisation samples show a loss of at least 5 %. */
const FULL_FROM = 95;

/** Why samples do not show that nothing is wrong; undefined if the GPU is busy by every counter. */
export function unprovenBusy(use: Utilisation, given: ReadonlySet<Evidenced>): string | undefined {
  if (use.idleShare >= SILENT_BELOW)
    return `idle ${percent(use.idleShare)} % of the time, and samples do not tell why: ${nextTrace(given)}`;
  if (!(use.mean >= FULL_FROM))
    return `a utilisation of ${use.mean.toFixed(1)} % leaves ${(100 - use.mean).toFixed(1)} % without a cause: ${nextTrace(given)}`;
  const { smActive: sm, tensorActive: tensor, dramActive: dram } = use;
  const idle = notBusyText({ util: use.mean / 100, engine: Number.NaN, sm, tensor, dram });
  return idle === undefined ? undefined : `${idle}: ${nextSamples(given)}`;
}

/** Fewer samples with a kernel say nothing about kernels. */
const LEAST_SAMPLES = 30;

function counterDraft(
  file: string,
  cause: FindingDraft['cause'],
  title: string,
  evidence: readonly Evidence[],
  disproof: string,
): FindingDraft {
  return {
    cause,
    title,
    scope: { file, rank: null, device: null, window: 'samples' },
    evidence,
    shareOfStep: null,
    recoverableUs: null,
    gpuHours: null,
    expected: noMeasurement,
    confidence: 'low',
    disproof,
    fix: ['record a trace and the top kernels before changing anything'],
    nextCommand: 'ncu --set full --csv --page details -c 20 python train.py > kernels.csv',
  };
}
