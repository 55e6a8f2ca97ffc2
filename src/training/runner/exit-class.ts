/** Causes of the end of an attempt. The class decides about a restart. */
export const exitClasses = [
  'completed',
  'preempted',
  'switch',
  'cancelled',
  'budget',
  'hostMemory',
  'gpuMemory',
  'hardware',
  'hang',
  'diverged',
  'incomplete',
  'userError',
  'unknownKill',
] as const;

export type ExitClass = (typeof exitClasses)[number];

/** An action of the controller that ends an attempt. */
export type OwnAction = 'switch' | 'cancel' | 'budget' | 'hang' | 'diverged';

export interface ExitEvidence {
  /** Why the controller itself ended the gang, as its journal says; null: it did not. */
  readonly ownAction: OwnAction | null;
  /** A notice of the provider, an instance that is gone or ends, or a node that nobody reaches. */
  readonly infrastructure: boolean;
  /** Kills by the kernel for memory that the cgroup counted during the attempt. */
  readonly oomKills: number;
  /** Every rank, as it ended. */
  readonly ranks: readonly RankExit[];
  /** Step that all ranks have done, and the declared last one; null: none was declared. */
  readonly step: number;
  readonly targetSteps: number | null;
}

export interface RankExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Last lines of its output. */
  readonly tail: readonly string[];
}

const GPU_MEMORY = /CUDA out of memory|CUDA_ERROR_OUT_OF_MEMORY|torch\.(?:cuda\.)?OutOfMemoryError|HIP out of memory/;
const HARDWARE = /\bXid\b|uncorrectable ECC|NCCL (?:WARN|ERROR).{0,200}system error|ncclSystemError|ncclRemoteError/;

/**
 * The class of an exit. Evidence of the infrastructure comes first: a preempted node makes the other ranks fail with errors that
 * look like the user's.
 */
export function classifyExit({
  ownAction,
  infrastructure,
  oomKills,
  ranks,
  step,
  targetSteps,
}: ExitEvidence): ExitClass {
  const allEndedWell = ranks.every(({ code }) => code === 0);
  // A notice that comes during the last step takes nothing away.
  if (allEndedWell && targetSteps !== null && step >= targetSteps) return 'completed';
  if (ownAction === 'cancel') return 'cancelled';
  if (infrastructure) return 'preempted';
  if (ownAction === 'switch') return 'switch';
  const lines = ranks.flatMap(({ tail }) => tail);
  const killed = ranks.some(({ code, signal }) => signal === 'SIGKILL' || code === 137);
  if (killed && oomKills > 0) return 'hostMemory';
  if (ownAction !== null) return ownAction;
  if (allEndedWell) return targetSteps === null ? 'completed' : 'incomplete';
  if (lines.some((line) => GPU_MEMORY.test(line))) return 'gpuMemory';
  if (lines.some((line) => HARDWARE.test(line))) return 'hardware';
  if (ranks.some(({ signal }) => signal !== null)) return 'unknownKill';
  return 'userError';
}

/** The next action by class: a restart without a limit, a restart within a limit, or the end. */
export const exitActions: Readonly<
  Record<ExitClass, { readonly restart: 'always' | 'hardware' | 'kills' | 'errors' | 'never'; readonly hint: string }>
> = {
  completed: { restart: 'never', hint: '' },
  preempted: { restart: 'always', hint: 'the instance was taken away; the run resumes from its newest checkpoint' },
  switch: { restart: 'always', hint: 'the policy moved the run' },
  cancelled: { restart: 'never', hint: 'start it again with the same directory to resume it' },
  budget: { restart: 'never', hint: 'raise the budget, or lower the cost of a step; the newest checkpoint stays' },
  hostMemory: {
    restart: 'never',
    hint: 'the kernel ended a rank for its memory: use fewer loader workers, or more memory',
  },
  gpuMemory: {
    restart: 'never',
    hint: 'lower the micro-batch, or recompute activations; the same attempt would fail again',
  },
  hardware: { restart: 'hardware', hint: 'exclude the node that reported the fault' },
  hang: { restart: 'kills', hint: 'see the stacks in the log of the silent rank' },
  diverged: { restart: 'never', hint: 'the loss is not finite: lower the learning rate' },
  incomplete: { restart: 'never', hint: 'the program ended with 0 before its last step: see its log' },
  userError: { restart: 'errors', hint: 'the program failed on healthy nodes: see its log' },
  unknownKill: { restart: 'kills', hint: 'a signal ended a rank, and nothing says who sent it' },
};
