import type { GpuProcesses, ProcessUse } from '../analysis/process-use.ts';
import type { Evidence, FindingDraft } from '../finding.ts';
import { percent } from './rule.ts';

/** Fewer samples say nothing about a GPU. */
const LEAST_SAMPLES = 30;
/** A process below this share of the SMs, in percent, computes nothing. */
const IDLE_BELOW = 1;
/** Held memory that counts: a context alone takes some hundred MB. */
const HELD_FROM_MB = 1024;
/** Processes that compete: each with so much of the SMs, all together with so much. Below that they fill each other's gaps. */
const COMPETE = { each: 10, together: 90 } as const;
const BUSY_FROM = 10;

/**
 * Cause 6 in the processes of GPUs (nvidia-smi pmon): memory held by processes that compute nothing, processes that compete for
 * a GPU, and GPUs without a process next to busy ones.
 */
export function processFindings(file: string, gpus: readonly GpuProcesses[]): readonly FindingDraft[] {
  const told = gpus.filter(({ samples }) => samples >= LEAST_SAMPLES);
  return [...told.flatMap((gpu) => [...idleHolders(file, gpu), ...competitors(file, gpu)]), ...emptyGpus(file, told)];
}

/** Why processes give no cause; undefined if nothing is wrong with the samples. */
export function processDoubt(gpus: readonly GpuProcesses[]): string | undefined {
  const most = Math.max(...gpus.map(({ samples }) => samples));
  if (gpus.some(({ smPercent }) => Number.isNaN(smPercent)))
    return 'no process has a share of the SMs, so nothing says who computes: nvidia-smi pmon -s um -o DT -d 1';
  return most < LEAST_SAMPLES
    ? `${most} samples of processes are too few: sample for minutes (nvidia-smi pmon -s um -o DT -d 1)`
    : undefined;
}

/** The processes that use the SMs of a GPU, in one line. */
export function processText({ gpu, smPercent, processes }: GpuProcesses): string {
  if (processes.length === 0) return `GPU ${gpu} has no process`;
  const parts = processes
    .slice(0, 4)
    .map(
      (one) =>
        `${nameOf(one)} ${shareText(one.smPercent)}${Number.isNaN(one.memoryMb) ? '' : `, ${memoryText(one.memoryMb)}`}`,
    );
  const more = processes.length > 4 ? `; ${processes.length - 4} more` : '';
  return `GPU ${gpu}: SMs ${shareText(smPercent)}: ${parts.join('; ')}${more}`;
}

function shareText(percentOfSms: number): string {
  return Number.isNaN(percentOfSms) ? 'unknown' : `${percentOfSms.toFixed(1)} %`;
}

function idleHolders(file: string, gpu: GpuProcesses): readonly FindingDraft[] {
  const idle = gpu.processes.filter(
    ({ smPercent, memoryMb, presentShare }) =>
      smPercent < IDLE_BELOW && memoryMb >= HELD_FROM_MB && presentShare >= 0.5,
  );
  const [first] = idle;
  if (first === undefined) return [];
  const heldMb = idle.reduce((sum, { memoryMb }) => sum + memoryMb, 0);
  const who = idle.length === 1 ? `process ${nameOf(first)} holds` : `${idle.length} processes hold`;
  const others = gpu.smPercent >= BUSY_FROM ? ', next to others that do' : '';
  return [
    {
      ...draftOf(file, gpu),
      title: `${who} ${memoryText(heldMb)} of GPU ${gpu.gpu} and ${idle.length === 1 ? 'computes' : 'compute'} nothing${others}`,
      // Where others compute, memory is lost and not time.
      gpuHours: others === '' && !Number.isNaN(gpu.hours) ? gpu.hours : null,
      fix: [
        'end sessions that are done, or give them a limit of idle time; del the model and torch.cuda.empty_cache() in notebooks',
        'a reaper for processes that hold memory and have not computed for longer than an agreed time',
      ],
      disproof:
        'if the process computes at other hours (a server between requests), sample then: the memory is its own',
    },
  ];
}

function competitors(file: string, gpu: GpuProcesses): readonly FindingDraft[] {
  const busy = gpu.processes.filter(({ smPercent }) => smPercent >= COMPETE.each);
  if (busy.length < 2 || gpu.smPercent < COMPETE.together) return [];
  return [
    {
      ...draftOf(file, gpu),
      title: `${busy.length} processes compete for GPU ${gpu.gpu}, which is full: each waits while the others compute`,
      gpuHours: null,
      fix: [
        'one process a GPU: check CUDA_VISIBLE_DEVICES and the placement of the scheduler',
        'if they are meant to share it: MPS, or MIG instances, so that they do not take turns',
      ],
      disproof: 'if a process alone on the GPU is as slow, it does not wait for the others',
    },
  ];
}

function emptyGpus(file: string, gpus: readonly GpuProcesses[]): readonly FindingDraft[] {
  const empty = gpus.filter(({ processes }) => processes.length === 0);
  const [first] = empty;
  if (first === undefined || !gpus.some(({ smPercent }) => smPercent >= BUSY_FROM)) return [];
  const hours = empty.reduce((sum, one) => sum + one.hours, 0);
  return [
    {
      ...draftOf(file, first),
      title: `${empty.length} of ${gpus.length} GPUs had no process in any sample while others compute`,
      evidence: gpus.flatMap((gpu) => evidenceOf(file, gpu)),
      gpuHours: Number.isNaN(hours) ? null : hours,
      fix: ['ask for as many GPUs as the job uses: check the world size and CUDA_VISIBLE_DEVICES'],
      disproof: 'if these GPUs are not allocated to any job at these times, they are unallocated: compare with sacct',
    },
  ];
}

function draftOf(file: string, gpu: GpuProcesses) {
  return {
    cause: 'scheduling' as const,
    scope: { file, rank: null, device: gpu.gpu, window: 'samples' },
    evidence: evidenceOf(file, gpu),
    shareOfStep: null,
    recoverableUs: null,
    expected: 'no comparable measurement',
    confidence: 'medium' as const,
    nextCommand: 'ps -o pid,user,etime,args -p PID; squeue -o "%i %u %b %M" -w NODE',
  };
}

function evidenceOf(file: string, { gpu, samples, processes }: GpuProcesses): readonly Evidence[] {
  if (processes.length === 0) return [{ file, what: `GPU ${gpu}: processes`, value: 0, unit: `in ${samples} samples` }];
  return processes.slice(0, 5).map((one) => ({
    file,
    what: `GPU ${gpu}, process ${nameOf(one)}: in ${percent(one.presentShare)} % of ${samples} samples${Number.isNaN(one.memoryMb) ? '' : `, ${memoryText(one.memoryMb)}`}`,
    value: Math.round(one.smPercent * 10) / 10,
    unit: '% of the SMs',
    events: [one.pid],
  }));
}

function nameOf({ command, pid }: ProcessUse): string {
  return `${command.slice(0, 60)} (${pid})`;
}

function memoryText(mb: number): string {
  return `${(mb / 1024).toFixed(1)} GB`;
}
