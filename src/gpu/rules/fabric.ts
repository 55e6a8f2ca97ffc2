import { medianOf } from '../analysis/statistics.ts';
import type { FindingDraft } from '../finding.ts';
import type { FabricLog } from '../readers/nccl-tests.ts';
import { percent } from './rule.ts';
import { fileDraft } from './summaries.ts';

/** busbw in GB/s at 256 MiB of 8 × A100-SXM4-40GB over NVLink, measured with nccl-tests (SuperBench). */
const reference: Readonly<Record<string, number>> = { 'A100-SXM4-40GB': 222 };
const WEAK_BELOW = 0.7;
/** The size of which reference bandwidths are. */
const REFERENCE_BYTES = 256 * 2 ** 20;
/** Smaller messages measure latency. */
const BANDWIDTH_FROM = 2 ** 20;

/** A log of nccl-tests and the name of its file. */
export interface NodeLog {
  readonly path: string;
  readonly log: FabricLog;
}

/** The measurements of a log of nccl-tests, in a few words, and whether there is something to compare them with. */
export function fabricText(log: FabricLog): string {
  const { rows, devices, averageBusbw } = log;
  const who = `${log.ranks === 0 ? 'unlisted ranks' : `${log.ranks} ranks`} of ${devices[0] ?? 'an unnamed GPU'}`;
  const average = averageBusbw === undefined ? '' : `, busbw ${averageBusbw} GB/s on average`;
  const sized = rows.filter(({ sizeBytes }) => !Number.isNaN(sizeBytes));
  const row = sized.find(({ sizeBytes }) => sizeBytes === REFERENCE_BYTES) ?? sized[sized.length - 1];
  if (row === undefined)
    return `${who}, no sizes${rows.length === 0 ? average : `, busbw up to ${Math.max(...rows.map(({ busbw }) => busbw))} GB/s${average}`}`;
  const usual = usualOf(log);
  const beside =
    usual === undefined || row.sizeBytes !== REFERENCE_BYTES
      ? 'no reference for this hardware'
      : `about ${usual} is usual`;
  return `${who}, ${sized.length} sizes, busbw ${row.busbw} GB/s at ${sizeText(row.sizeBytes)} (${beside})`;
}

function sizeText(bytes: number): string {
  return bytes >= BANDWIDTH_FROM ? `${(bytes / BANDWIDTH_FROM).toFixed(0)} MiB` : `${bytes} bytes`;
}

/** The usual bandwidth of the hardware of a log; undefined if nobody measured it. */
function usualOf({ devices, ranks }: FabricLog): number | undefined {
  return ranks === 8 ? reference[devices[0] ?? ''] : undefined;
}

/** Why a log does not show that its fabric is fast; undefined if it was compared with something. */
export function fabricDoubt(node: NodeLog, others: readonly NodeLog[]): string | undefined {
  const { rows } = node.log;
  if (usualOf(node.log) !== undefined && rows.some(({ sizeBytes }) => sizeBytes === REFERENCE_BYTES)) return undefined;
  return comparisonsOf(node, others).length > 0
    ? 'it is as fast as the other logs of the same hardware, and no reference says whether all of them are slow: compare with the figures of the vendor'
    : 'no reference of this hardware says whether the fabric is fast: compare two nodes of it';
}

/** Cause 4 in nccl-tests logs: a fabric that is slower than the same hardware elsewhere. */
export function fabricFindings(node: NodeLog, others: readonly NodeLog[]): readonly FindingDraft[] {
  const { path, log } = node;
  const row = log.rows.find(({ sizeBytes }) => sizeBytes === REFERENCE_BYTES);
  const usual = usualOf(log);
  if (row !== undefined && usual !== undefined && row.busbw < WEAK_BELOW * usual)
    return [
      weakFabric(
        path,
        `the fabric reaches ${row.busbw} GB/s at 256 MiB, where the same hardware reaches about ${usual}`,
        [{ file: path, what: 'busbw at 256 MiB', value: row.busbw, unit: 'GB/s' }],
      ),
    ];
  const [slowest] = comparisonsOf(node, others).toSorted((a, b) => a.ratio - b.ratio);
  if (slowest === undefined || slowest.ratio >= WEAK_BELOW) return [];
  return [
    weakFabric(
      path,
      `the fabric of ${path} reaches ${percent(slowest.ratio)} % of the bandwidth of ${slowest.path}, on the same hardware`,
      [
        {
          file: path,
          what: `busbw over that of ${slowest.path}, ${slowest.what}`,
          value: percent(slowest.ratio),
          unit: '%',
        },
        { file: path, what: `busbw, ${slowest.at}`, value: slowest.own, unit: 'GB/s' },
        { file: slowest.path, what: `busbw, ${slowest.at}`, value: slowest.other, unit: 'GB/s' },
      ],
    ),
  ];
}

interface NodeComparison {
  readonly path: string;
  /** The bandwidth of the node as a share of the other one's. */
  readonly ratio: number;
  readonly what: string;
  readonly at: string;
  readonly own: number;
  readonly other: number;
}

/** The node next to each other one of the same hardware: at the sizes that both have, or on average where one has no sizes. */
function comparisonsOf({ path, log }: NodeLog, others: readonly NodeLog[]): readonly NodeComparison[] {
  return others.flatMap((one): readonly NodeComparison[] => {
    if (one.path === path || one.log.ranks !== log.ranks || one.log.devices[0] !== log.devices[0]) return [];
    const pairs = log.rows.flatMap((own) => {
      const other = one.log.rows.find(({ sizeBytes }) => sizeBytes === own.sizeBytes);
      return own.sizeBytes >= BANDWIDTH_FROM && other !== undefined && other.busbw > 0 ? [{ own, other }] : [];
    });
    const last = pairs[pairs.length - 1];
    if (last !== undefined) {
      const ratio = medianOf(pairs.map(({ own, other }) => own.busbw / other.busbw));
      const at = `at ${sizeText(last.own.sizeBytes)}`;
      const what = `median of ${pairs.length} sizes`;
      return [{ path: one.path, ratio, what, at, own: last.own.busbw, other: last.other.busbw }];
    }
    const [own, other] = [log.averageBusbw, one.log.averageBusbw];
    const hasSizes = [log, one.log].every(({ rows }) => rows.some(({ sizeBytes }) => !Number.isNaN(sizeBytes)));
    // Averages over other sizes are of other messages.
    if (hasSizes || own === undefined || other === undefined || !(other > 0)) return [];
    return [{ path: one.path, ratio: own / other, what: 'on average', at: 'on average', own, other }];
  });
}

function weakFabric(file: string, title: string, evidence: FindingDraft['evidence']): FindingDraft {
  return fileDraft({
    cause: 'multi-gpu',
    file,
    title,
    evidence,
    share: null,
    confidence: 'medium',
    disproof:
      'if the log of another node with the same topology shows the same, compare the topologies first (nvidia-smi topo -m)',
    fix: ['look at NVLink and PCIe errors (nvidia-smi nvlink -e), NCCL_P2P_LEVEL, and the placement of ranks'],
    next: 'nvidia-smi topo -m; nvidia-smi nvlink -s',
  });
}
