import type { CriticalPath } from './analysis/critical-path.ts';
import type { Decomposition } from './analysis/decompose.ts';
import type { GapSize, GapSum } from './analysis/gaps.ts';
import type { OperatorSum } from './analysis/operators/operators.ts';
import type { GpuProcesses } from './analysis/process-use.ts';
import type { StepProfile } from './analysis/step-profile.ts';
import type { Utilisation } from './analysis/utilisation.ts';
import type { Finding } from './finding.ts';
import type { Allocation } from './join/allocation.ts';

/** One level of the investigation: what evidence it had, or which command would bring it. */
export interface Level {
  readonly level: 0 | 1 | 2 | 3 | 4 | 5 | 6;
  readonly title: string;
  readonly evidence: readonly string[];
  /** The command that records missing evidence; undefined if none is missing. */
  readonly missing: string | undefined;
}

/** One device of one trace, for the report. Microseconds per typical step unless said otherwise. */
export interface TraceReport {
  readonly file: string;
  readonly source: 'kineto' | 'nsys';
  readonly rank: number | null;
  readonly device: number;
  readonly deviceName: string;
  /** Without marked steps the named range that holds the work, or the span of the GPU's events. */
  readonly window: 'stretched steps' | 'named range' | 'GPU span';
  readonly steps: readonly { readonly name: string; readonly us: number; readonly leftOut: string | null }[];
  readonly stepUs: number;
  /** The steady windows, divided; of all of them together. */
  readonly decomposition: Decomposition;
  /** The same for the span from the first to the last GPU event, which other tools print. */
  readonly gpuSpan: Decomposition;
  readonly idleSeverity: 'silent' | 'info' | 'warning';
  readonly gaps: Readonly<Record<GapSize, GapSum>>;
  /** Host part of gaps by what the host did. */
  readonly hostWork: Readonly<Record<string, number>>;
  readonly topKernels: readonly {
    readonly name: string;
    readonly calls: number;
    readonly us: number;
    readonly share: number;
  }[];
  /** Operators with known work, by their shapes, the longest first, with the peaks of the device; empty without shapes. */
  readonly operators: readonly OperatorSum[];
  /** Share of kernel time in such operators, 0 to 1; null without shapes. */
  readonly operatorsShare: number | null;
  /** The bound of a typical step; null without launches, or if the step has too many events. */
  readonly criticalPath: CriticalPath | null;
  /** Where the time of a micro-step goes. */
  readonly profile: StepProfile;
  readonly timeline: Timeline;
  readonly limitations: readonly string[];
}

/** The typical step for drawing: lanes of blocks, merged below 1/20,000 of it. Microseconds from the start of the window. */
export interface Timeline {
  readonly name: string;
  readonly us: number;
  readonly lanes: readonly { readonly name: string; readonly blocks: readonly (readonly [number, number])[] }[];
}

/** A kernel that Nsight Compute judged. */
export interface KernelReport {
  readonly file: string;
  readonly name: string;
  readonly verdict: string;
  readonly by: string;
  readonly memoryLevel: string | null;
  readonly smPercent: number;
  readonly memoryPercent: number;
  readonly shareOfKernelTime: number | null;
}

/** The answer of `headrace gpu`: what it finds in a set of files. The JSON of `--json`; additions only within a version. */
export interface Diagnosis {
  readonly version: 1;
  readonly verdict: 'findings' | 'healthy' | 'not enough evidence';
  /** One sentence. */
  readonly summary: string;
  readonly files: readonly { readonly path: string; readonly kind: string; readonly what: string }[];
  readonly refused: readonly { readonly path: string; readonly code: string; readonly message: string }[];
  readonly utilisation: readonly (Utilisation & { readonly file: string })[];
  /** Samples with the jobs that ran at the same time. */
  readonly allocation: readonly (Allocation & { readonly file: string })[];
  /** The processes that use the SMs of each GPU (nvidia-smi pmon). */
  readonly processes: readonly (GpuProcesses & { readonly file: string })[];
  readonly traces: readonly TraceReport[];
  readonly kernels: readonly KernelReport[];
  readonly levels: readonly Level[];
  readonly findings: readonly Finding[];
  readonly reasons: readonly string[];
  readonly limitations: readonly string[];
}
