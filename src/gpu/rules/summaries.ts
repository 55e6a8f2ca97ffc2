import { medianOf } from '../analysis/statistics.ts';
import type { Stragglers } from '../analysis/stragglers.ts';
import { type FindingDraft, type Mechanism, noMeasurement } from '../finding.ts';
import { printedNumber } from '../readers/csv.ts';
import type { KernelSumRow, StatsTable } from '../readers/kernel-sums.ts';
import { percent } from './rule.ts';

/** Cause 4 in iteration times of workers: stragglers. */
export function iterationFindings(file: string, found: Stragglers): readonly FindingDraft[] {
  const { slow } = found;
  if (slow.length === 0) return [];
  const names = slow.map(({ worker }) => worker).join(', ');
  return [
    fileDraft({
      cause: 'multi-gpu',
      mechanism: 'late-rank',
      file,
      title: `workers ${names} are late: the steps take ${found.slowdown.toFixed(2)} times as long as without that`,
      evidence: [
        {
          file,
          what: 'slowdown: the slowest worker over the slowest of the others, summed',
          value: Math.round(found.slowdown * 1000) / 1000,
          unit: '×',
        },
        { file, what: 'reference', value: found.reference, unit: '', events: found.fastGroup },
        ...slow.map(({ worker, ratioWhileSlow, slowShare, lostShare, aloneShare, from, until, kind }) => ({
          file,
          what: `worker ${worker}, ${kind}, slow in ${percent(slowShare)} % of the run (positions ${from} to ${until}), which costs ${percent(lostShare)} % of the steps, ${percent(aloneShare)} % by itself`,
          value: Math.round(ratioWhileSlow * 100) / 100,
          unit: '× of the reference',
        })),
      ],
      share: found.waitShare,
      confidence: 'high',
      disproof:
        'if the slow workers are others after the ranks were placed on other machines, the work is uneven; if the same machines are slow, they are',
      fix: [
        'take the slow machines out, or give their workers less work',
        'balance the shards: sort by length, bucket',
      ],
      next: 'headrace gpu diagnose rank*.json.gz  # traces of a slow and a fast worker',
    }),
  ];
}

/** A mean kernel as short as this is launched about as slowly as it runs. */
const SHORT_NS = 5000;

/** Cause 3 in tables of `nsys stats`: kernels as short as their launches. */
export function kernelSumFindings(
  file: string,
  kernels: readonly KernelSumRow[],
  tables: readonly StatsTable[],
): readonly FindingDraft[] {
  const totalNs = kernels.reduce((sum, kernel) => sum + kernel.totalNs, 0);
  const launches = kernels.reduce((sum, { instances }) => sum + instances, 0);
  const meanNs = totalNs / launches;
  if (launches < 100 || !(meanNs < SHORT_NS)) return [];
  const launchNs = launchMeanNs(tables);
  const range = loopRange(tables, totalNs);
  const share = range === undefined ? null : 1 - totalNs / range.ns;
  return [
    fileDraft({
      cause: 'launch-overhead',
      file,
      title: `${launches} launches of ${(meanNs / 1000).toFixed(2)} µs on average${launchNs === undefined ? '' : `, and ${(launchNs / 1000).toFixed(2)} µs to launch one`}: launching is the limit`,
      evidence: [
        { file, what: 'launches', value: launches, unit: 'launches' },
        { file, what: 'mean kernel', value: Math.round(meanNs) / 1000, unit: 'µs' },
        {
          file,
          what: 'median of kernels by name',
          value: Math.round(medianOf(kernels.map(({ medianNs }) => medianNs))) / 1000,
          unit: 'µs',
        },
        ...(launchNs === undefined
          ? []
          : [{ file, what: 'mean launching call', value: Math.round(launchNs) / 1000, unit: 'µs' }]),
        ...(range === undefined
          ? []
          : [{ file, what: `kernel time of range ${range.name}`, value: percent(totalNs / range.ns), unit: '%' }]),
      ],
      share,
      confidence: range === undefined ? 'low' : 'medium',
      disproof: 'if a CUDA graph of the loop leaves it as long, launching is not the limit',
      fix: ['CUDA graphs for the loop; fuse kernels; more work per kernel'],
      next: 'nsys profile -t cuda,nvtx -o loop python train.py && nsys export --type sqlite loop.nsys-rep',
    }),
  ];
}

function launchMeanNs(tables: readonly StatsTable[]): number | undefined {
  const rows = tables.find(({ report }) => /cuda_?api_?sum/.test(report))?.rows ?? [];
  const launch = rows.find((row) => /^cu(da)?Launch/.test(row.get('Name') ?? ''));
  return launch === undefined ? undefined : printedNumber(launch.get('Avg (ns)'));
}

/** The longest NVTX range that can hold all kernels. */
function loopRange(
  tables: readonly StatsTable[],
  totalNs: number,
): { readonly name: string; readonly ns: number } | undefined {
  const rows = tables.find(({ report }) => /nvtx/.test(report))?.rows ?? [];
  const ranges = rows.map((row) => ({ name: row.get('Range') ?? '', ns: printedNumber(row.get('Total Time (ns)')) }));
  return ranges.filter(({ ns }) => ns >= totalNs).sort((a, b) => b.ns - a.ns)[0];
}

/** A finding about a whole file, without a step. */
export function fileDraft(one: {
  readonly cause: FindingDraft['cause'];
  readonly mechanism?: Mechanism;
  readonly file: string;
  readonly title: string;
  readonly evidence: FindingDraft['evidence'];
  readonly share: number | null;
  readonly confidence: FindingDraft['confidence'];
  readonly disproof: string;
  readonly fix: readonly string[];
  readonly next: string;
}): FindingDraft {
  return {
    cause: one.cause,
    ...(one.mechanism && { mechanism: one.mechanism }),
    title: one.title,
    scope: { file: one.file, rank: null, device: null, window: 'the whole file' },
    evidence: one.evidence,
    shareOfStep: one.share,
    recoverableUs: null,
    gpuHours: null,
    expected: noMeasurement,
    confidence: one.confidence,
    disproof: one.disproof,
    fix: one.fix,
    nextCommand: one.next,
  };
}
