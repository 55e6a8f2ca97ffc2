import type { TrainingSetProgram } from '../featurestore/training-set/asked-training-set.ts';
import { HistoryProcesses } from '../site/history-process.ts';
import type { Call } from './command.ts';

/**
 * Writes the training sets of a serving process in processes of their own, by the configuration of its call. One that is cancelled or
 * dies leaves no file; `clear` removes its remains in the history's scratch folder. Errors: JOB_CANCELLED, JOB_PROCESS, those of its work.
 */
export function historyProgram({ options }: Pick<Call, 'options'>, clear: () => void): TrainingSetProgram {
  const args = ['config', 'env'].flatMap((name) =>
    options[name] === undefined ? [] : [`--${name}=${String(options[name])}`],
  );
  const program = new URL(`./history-worker${import.meta.url.slice(-3)}`, import.meta.url);
  const processes = new HistoryProcesses(program, args, clear);
  return (asked, run) => processes.run({ asked, declared: null }, run);
}
