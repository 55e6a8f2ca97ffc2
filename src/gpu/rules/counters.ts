import { activityOf, meanOf, type Utilisation } from '../analysis/utilisation.ts';
import { type Evidence, type FindingDraft, noMeasurement } from '../finding.ts';
import type { DcgmDevice } from '../readers/dcgm.ts';
import type { SampleSeries } from '../readers/samples.ts';
import { percent } from './rule.ts';

/** Slower sampling than this cannot name a cause when the signal swings. */
const SLOWEST_MS = 10_000;
const SWINGS = 40;

/** Why samples give no cause; undefined if nothing is wrong with them. */
export function sampleDoubt(use: Utilisation): string | undefined {
  if (use.samples < 30)
    return `${use.samples} samples are too few: sample for minutes (nvidia-smi dmon -s putcm -o TD -d 1)`;
  if (use.intervalMs >= SLOWEST_MS && use.spread[1] - use.spread[0] > SWINGS)
    return `a sample each ${Math.round(use.intervalMs / 1000)} s of a signal that swings from ${use.spread[0]} to ${use.spread[1]} % names no cause: sample each second or faster, or record a trace`;
  if (use.mean < 50)
    return `utilisation is low (${use.mean.toFixed(1)} %) and samples do not tell why: record a trace of some steps`;
  return undefined;
}

/** What else the samples show, for the reader. */
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

/** What one scrape says of a device, in a few words. */
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

function deviceLabel({ gpu, migProfile }: DcgmDevice): string {
  return migProfile === undefined ? `GPU ${gpu}` : `GPU ${gpu}, instance ${migProfile}`;
}

/** Findings from one scrape of the DCGM exporter, and where its counters disagree. */
export function dcgmFindings(
  file: string,
  devices: readonly DcgmDevice[],
): { readonly drafts: readonly FindingDraft[]; readonly notes: readonly string[] } {
  const drafts: FindingDraft[] = [];
  const notes: string[] = [];
  for (const device of devices) {
    const get = (name: string) => device.fields.get(name) ?? Number.NaN;
    const util = get('DCGM_FI_DEV_GPU_UTIL');
    const active = get('DCGM_FI_PROF_GR_ENGINE_ACTIVE');
    const sm = get('DCGM_FI_PROF_SM_ACTIVE');
    const tensor = get('DCGM_FI_PROF_PIPE_TENSOR_ACTIVE');
    const dram = get('DCGM_FI_PROF_DRAM_ACTIVE');
    const label = deviceLabel(device);
    if (util >= 50 && active < 0.2) {
      notes.push(
        `${label}: GPU_UTIL is ${util} % while the engine was active ${percent(active)} % of the time: the counters disagree, no conclusion is drawn from GPU_UTIL`,
      );
      continue;
    }
    drafts.push(...activityFindings(file, label, { active, sm, tensor, dram }, ONE_SCRAPE));
  }
  return { drafts, notes };
}

const ONE_SCRAPE = 'one scrape is one moment: if a trace of some steps shows something else, believe the trace';

/** Shares of time, 0 to 1; NaN where a counter is missing. */
interface Activity {
  readonly active: number;
  readonly sm: number;
  readonly tensor: number;
  readonly dram: number;
}

/** What the activity of SMs, Tensor Cores and memory beside each other says. */
function activityFindings(
  file: string,
  label: string,
  { active, sm, tensor, dram }: Activity,
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
    ]);
  return [];
}

/** The same from sampled counters (nvidia-smi dmon --gpm-metrics), means over the samples in which a kernel ran. */
export function sampledActivity(file: string, series: readonly SampleSeries[]): readonly FindingDraft[] {
  return series.flatMap((one) => {
    const { smActive, tensorActive, dramActive } = activityOf([one]);
    const known = one.util.filter((value) => value >= 1);
    if (known.length < LEAST_SAMPLES) return [];
    const active = meanOf(known) / 100;
    return activityFindings(
      file,
      `GPU ${one.gpu}`,
      { active, sm: smActive, tensor: tensorActive, dram: dramActive },
      'means over minutes mix phases: if a trace of some steps shows something else, believe the trace',
    );
  });
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
