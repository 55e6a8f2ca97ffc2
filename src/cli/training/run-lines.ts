import { fail } from '../../base/errors/fail.ts';
import type { JournalEntry } from '../../training/runner/journal.ts';
import type { RunOutcome } from '../../training/runner/run-outcome.ts';
import type { Call } from '../command.ts';

/** Prints how a run ended, with more members of its JSON. Errors: RUN_FAILED, RUN_STOPPED. */
export function printOutcome({ json, terminal }: Call, outcome: RunOutcome, run: string): void {
  const { ledger, state, step } = outcome;
  const attempts = `${ledger.attempts.length} attempts, ${ledger.seconds.toFixed(1)} s, cost ${ledger.cost.toFixed(4)}`;
  if (json) terminal.out(JSON.stringify(outcome));
  else terminal.out(`${state} at step ${step}: ${attempts}, ${ledger.lostSteps} steps lost`);
  if (state === 'completed') return;
  if (state !== 'failed') throw fail('RUN_STOPPED', { run, step });
  const tail = [outcome.hint, ...outcome.tail.slice(-3)];
  throw fail('RUN_FAILED', { run, step, class: outcome.class ?? '', tail });
}

/** The line of an entry for people; null: none. */
export function lineOf({ event, attempt, data }: JournalEntry): string | null {
  if (event === 'state') return `attempt ${attempt}: ${data['to']}`;
  if (event === 'checkpoint') return `attempt ${attempt}: checkpoint of step ${data['step']}, ${data['bytes']} bytes`;
  if (event === 'damagedCheckpoint') return `the checkpoint ${data['name']} is damaged: ${data['reason']}`;
  if (event === 'ended') return `attempt ${attempt} ended at step ${data['step']}: ${data['class']}`;
  if (event === 'unreachable') return `attempt ${attempt}: ${data['reason']}`;
  if (event === 'slowStart')
    return `attempt ${attempt} took ${data['seconds']} s to its first step, ${data['usual']} s is usual: see that its state comes over the fast network (NCCL_SOCKET_IFNAME)`;
  if (event === 'notProvisioned') return `attempt ${attempt} could not start: ${data['reason']}`;
  return null;
}
