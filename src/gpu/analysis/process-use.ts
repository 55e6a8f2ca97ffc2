import type { ProcessRound } from '../readers/pmon.ts';

/** The use of one GPU by one process, over all samples of that GPU. */
export interface ProcessUse {
  readonly pid: string;
  readonly command: string;
  /**
   * Mean share of the SMs over all samples, in percent; a sample without a figure counts as none, as nvidia-smi prints idle processes. NaN
   * if the file has no figure at all, as with pmon -s m.
   */
  readonly smPercent: number;
  /** Most memory held, in MB; NaN if not recorded (pmon -s m). */
  readonly memoryMb: number;
  /** Share of the samples in which it was there, 0 to 1. */
  readonly presentShare: number;
}

/** The processes of one GPU, by their share of the SMs. */
export interface GpuProcesses {
  readonly gpu: string;
  readonly samples: number;
  /** Hours that the samples cover; NaN without times. */
  readonly hours: number;
  /** Mean of the SM shares of all processes together, in percent. */
  readonly smPercent: number;
  readonly processes: readonly ProcessUse[];
}

/** The processes that use the SMs of each GPU; graphics-only processes are omitted. */
export function processUse(rounds: readonly ProcessRound[]): readonly GpuProcesses[] {
  const hasShares = rounds.some(({ processes }) => processes.some(({ sm }) => !Number.isNaN(sm)));
  return [...new Set(rounds.map(({ gpu }) => gpu))].map((gpu) => {
    const own = rounds.filter((round) => round.gpu === gpu);
    const byPid = new Map<string, { command: string; sm: number; memoryMb: number; seen: number }>();
    for (const { processes } of own)
      for (const { pid, type, command, sm, fbMb } of processes) {
        if (type === 'G') continue;
        const sum = byPid.get(pid) ?? { command, sm: 0, memoryMb: Number.NaN, seen: 0 };
        sum.sm += Number.isNaN(sm) ? 0 : sm;
        sum.seen += 1;
        if (!Number.isNaN(fbMb)) sum.memoryMb = Number.isNaN(sum.memoryMb) ? fbMb : Math.max(sum.memoryMb, fbMb);
        byPid.set(pid, sum);
      }
    const samples = own.length;
    const processes = [...byPid]
      .map(([pid, { command, sm, memoryMb, seen }]) => ({
        pid,
        command,
        smPercent: hasShares ? sm / samples : Number.NaN,
        memoryMb,
        presentShare: Math.min(seen / samples, 1),
      }))
      .sort((a, b) => b.smPercent - a.smPercent);
    const times = own.map(({ timeMs }) => timeMs).filter((ms) => !Number.isNaN(ms));
    const hours = times.length < 2 ? Number.NaN : (times[times.length - 1] - times[0]) / 3_600_000;
    return { gpu, samples, hours, smPercent: processes.reduce((sum, one) => sum + one.smPercent, 0), processes };
  });
}
