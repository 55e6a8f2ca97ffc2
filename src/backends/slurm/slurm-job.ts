/** A job as `scontrol show job --oneliner` describes it. */
export interface SlurmJob {
  /** Number of the job. */
  readonly job: string;
  /** `PENDING`, `RUNNING`, `COMPLETED` …, without flags. */
  readonly state: string;
  /** Why it waits, or failed. */
  readonly reason: string;
  /** Starts after a requeue. */
  readonly restarts: number;
  readonly nodes: string;
  readonly code: number;
  readonly signal: number;
}

/** States in which no process of the job runs, and none will. */
const ended = [
  'BOOT_FAIL',
  'CANCELLED',
  'COMPLETED',
  'DEADLINE',
  'FAILED',
  'NODE_FAIL',
  'OUT_OF_MEMORY',
  'PREEMPTED',
  'REVOKED',
  'TIMEOUT',
];

/** Whether the job has ended for ever. */
export function hasEnded({ state }: SlurmJob): boolean {
  return ended.includes(state);
}

/** Whether the system took the job away: a preemption, or a node that failed. */
export function isTaken({ state, reason }: SlurmJob): boolean {
  return ['PREEMPTED', 'NODE_FAIL', 'BOOT_FAIL'].includes(state) || reason === 'NodeDown' || reason === 'Preempted';
}

/** Reads a line of `scontrol show job --oneliner`: `Name=value` pairs with blanks between; null: there is no job in it. */
export function parseSlurmJob(line: string): SlurmJob | null {
  const members = new Map<string, string>();
  for (const word of line.trim().split(/\s+/)) {
    const at = word.indexOf('=');
    if (at > 0 && !members.has(word.slice(0, at))) members.set(word.slice(0, at), word.slice(at + 1));
  }
  const job = members.get('JobId');
  const state = members.get('JobState');
  if (job === undefined || state === undefined) return null;
  const [code = 0, signal = 0] = (members.get('ExitCode') ?? '').split(':').map(Number);
  return {
    job,
    state: state.split('+')[0] ?? state,
    reason: members.get('Reason') ?? '',
    restarts: Number(members.get('Restarts') ?? 0),
    nodes: members.get('NodeList') ?? '',
    code,
    signal,
  };
}
