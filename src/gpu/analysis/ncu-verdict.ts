import type { NcuKernel } from '../readers/ncu.ts';

/** The limit of a kernel, by NVIDIA's rule SOLBottleneck. */
export const ncuVerdicts = ['small grid', 'latency', 'memory', 'compute', 'balanced', 'high throughput'] as const;
export type NcuVerdict = (typeof ncuVerdicts)[number];

/** The verdict on one kernel. Percent of the peak. */
export interface KernelVerdict {
  readonly verdict: NcuVerdict | 'unknown';
  /** Whether the file has NVIDIA's own verdict, or it was computed from the metrics. */
  readonly by: 'rule in the file' | 'computed';
  /** The level that is most used, of a memory verdict; undefined where the file does not tell. */
  readonly memoryLevel: 'L1/TEX' | 'L2' | 'DRAM' | undefined;
  readonly smPercent: number;
  readonly memoryPercent: number;
  readonly dramPercent: number;
  readonly waves: number;
  readonly durationNs: number;
}

/** SMs and the most warps of an SM, by part of the device's name or compute capability. Vendor's data sheets. */
const devices: readonly (readonly [RegExp, { readonly sms: number; readonly warps: number }])[] = [
  [/5090|^12\.0$/, { sms: 170, warps: 48 }],
  [/B200|^10\.0$/, { sms: 148, warps: 64 }],
  [/H100|^9\.0$/, { sms: 132, warps: 64 }],
  [/A100|^8\.0$/, { sms: 108, warps: 64 }],
];

/** Metric names on page `details` and on page `raw`. */
const names = {
  sm: ['Compute (SM) Throughput', 'sm__throughput.avg.pct_of_peak_sustained_elapsed'],
  memory: ['Memory Throughput', 'gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed'],
  dram: [
    'DRAM Throughput',
    'dram__throughput.avg.pct_of_peak_sustained_elapsed',
    'gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed',
  ],
  l1: ['L1/TEX Cache Throughput', 'l1tex__throughput.avg.pct_of_peak_sustained_active'],
  l2: ['L2 Cache Throughput', 'lts__t_sectors.avg.pct_of_peak_sustained_elapsed'],
  duration: ['Duration', 'gpu__time_duration.sum'],
  waves: ['Waves Per SM', 'launch__waves_per_multiprocessor'],
  occupancy: ['Theoretical Occupancy', 'sm__maximum_warps_per_active_cycle_pct'],
} as const;

/**
 * The verdict of NVIDIA's rule (Nsight Compute, SpeedOfLight.py): 80 % of either is high throughput; both below 60 % is a
 * small grid if it fills less than a wave, else latency; else what leads by 10 points. A rule row in the file wins.
 */
export function kernelVerdict(kernel: NcuKernel): KernelVerdict {
  const metric = (which: keyof typeof names) => firstOf(kernel, names[which]);
  const smPercent = metric('sm');
  const memoryPercent = percentOnly(kernel, metric('memory'));
  const waves = wavesOf(kernel);
  const ruled = ruledVerdict(kernel);
  const levels = { 'L1/TEX': metric('l1'), L2: metric('l2'), DRAM: metric('dram') };
  const verdict = ruled ?? computed(smPercent, memoryPercent, waves);
  return {
    verdict,
    by: ruled === undefined ? 'computed' : 'rule in the file',
    memoryLevel:
      verdict === 'memory' || verdict === 'high throughput' ? highestLevel(levels, memoryPercent) : undefined,
    smPercent,
    memoryPercent,
    dramPercent: levels.DRAM,
    waves,
    durationNs: metric('duration'),
  };
}

function firstOf({ metrics }: NcuKernel, candidates: readonly string[]): number {
  for (const name of candidates) {
    const value = metrics.get(name);
    if (value !== undefined) return value;
  }
  return Number.NaN;
}

/** `Memory Throughput` is a percentage in the section Speed Of Light and bytes per second in Memory Workload Analysis. */
function percentOnly(kernel: NcuKernel, value: number): number {
  if (value <= 100) return value;
  const raw = kernel.metrics.get(names.memory[1]);
  return raw ?? Number.NaN;
}

function computed(sm: number, memory: number, waves: number): NcuVerdict | 'unknown' {
  if (Number.isNaN(sm) || Number.isNaN(memory)) return 'unknown';
  if (sm >= 80 || memory >= 80) return 'high throughput';
  if (sm < 60 && memory < 60) return waves < 1 ? 'small grid' : Number.isNaN(waves) ? 'unknown' : 'latency';
  if (Math.abs(sm - memory) < 10) return 'balanced';
  return sm > memory ? 'compute' : 'memory';
}

function wavesOf(kernel: NcuKernel): number {
  const told = firstOf(kernel, names.waves);
  if (!Number.isNaN(told)) return told;
  const device = devices.find(([pattern]) => pattern.test(kernel.computeCapability))?.[1];
  const occupancy = firstOf(kernel, names.occupancy);
  if (device === undefined || Number.isNaN(occupancy)) return Number.NaN;
  const warpsPerBlock = Math.ceil(kernel.blockThreads / 32);
  const blocksPerSm = Math.max(Math.round(((occupancy / 100) * device.warps) / warpsPerBlock), 1);
  return kernel.gridBlocks / (device.sms * blocksPerSm);
}

const ruleTexts: readonly (readonly [RegExp, NcuVerdict])[] = [
  [/grid is too small/i, 'small grid'],
  [/low compute throughput and memory bandwidth/i, 'latency'],
  [/Memory is more heavily utilized/i, 'memory'],
  [/Compute is more heavily utilized/i, 'compute'],
  [/well-balanced/i, 'balanced'],
  [/greater than 80(\.0)?% of the available/i, 'high throughput'],
];

function ruledVerdict({ rules }: NcuKernel): NcuVerdict | undefined {
  const rule = rules.find(({ name, text }) => name === 'SOLBottleneck' && text !== '');
  return rule === undefined ? undefined : ruleTexts.find(([pattern]) => pattern.test(rule.text))?.[1];
}

/** The most used level; undefined where a level is not in the file, since it could be used more. */
function highestLevel(
  levels: Readonly<Record<'L1/TEX' | 'L2' | 'DRAM', number>>,
  memoryPercent: number,
): 'L1/TEX' | 'L2' | 'DRAM' | undefined {
  const all = ['L1/TEX', 'L2', 'DRAM'] as const;
  const known = all.filter((level) => !Number.isNaN(levels[level])).sort((a, b) => levels[b] - levels[a]);
  if (known.length === 0 || Number.isNaN(levels.L2)) return undefined;
  // The throughput of memory is that of its most used part: a level that reaches it is that part.
  return known.length === all.length || levels[known[0]] >= memoryPercent - SAME_PERCENT ? known[0] : undefined;
}

/** Two figures of one metric differ by less than this. */
const SAME_PERCENT = 0.1;
