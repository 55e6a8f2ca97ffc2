import { fail } from '../../base/errors/fail.ts';

/** States of a run. The last three are final, until its owner starts it again. */
export const runStates = [
  'planned',
  'provisioning',
  'starting',
  'running',
  'checkpointing',
  'switching',
  'preempted',
  'completed',
  'failed',
  'cancelled',
] as const;

export type RunState = (typeof runStates)[number];

/** An attempt ends in one of them. */
const ends: readonly RunState[] = ['switching', 'preempted', 'completed', 'failed', 'cancelled'];

const transitions: Readonly<Record<RunState, readonly RunState[]>> = {
  planned: ['provisioning', 'failed', 'cancelled'],
  // A restarted controller provisions again, whatever the previous one was doing.
  provisioning: ['starting', 'provisioning', ...ends],
  // Set-up can be preempted too, and a short program can end before its first heartbeat.
  starting: ['running', 'provisioning', ...ends],
  running: ['checkpointing', 'provisioning', ...ends],
  checkpointing: ['running', 'provisioning', ...ends],
  switching: ['provisioning', 'failed', 'cancelled'],
  preempted: ['provisioning', 'failed', 'cancelled'],
  completed: ['planned'],
  failed: ['planned'],
  cancelled: ['planned'],
};

/** Error: RUN_STATE, for a transition that does not exist. */
export function checkTransition(from: RunState, to: RunState): void {
  if (!transitions[from].includes(to)) throw fail('RUN_STATE', { from, to });
}

export function isFinal(state: RunState): boolean {
  return transitions[state].includes('planned');
}
