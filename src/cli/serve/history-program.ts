import type { TrainingSetProgram } from '../../featurestore/training-set/asked-training-set.ts';
import { HistoryProcesses } from '../../site/history-process.ts';
import type { CommonOptions } from '../command.ts';
import { placeWords } from '../open/load-config.ts';

/**
 * Writes the training sets of a serving process in processes of their own, by the configuration of its call. One that is cancelled or
 * dies leaves no file; `clear` removes its remains in the history's scratch folder. Errors: JOB_CANCELLED, JOB_PROCESS, those of its work.
 */
export function historyProgram(call: CommonOptions, clear: () => void): TrainingSetProgram {
  const program = new URL(`./history-worker${import.meta.url.slice(-3)}`, import.meta.url);
  const processes = new HistoryProcesses(program, placeWords(call), clear);
  return (asked, run) => processes.run({ asked, declared: null }, run);
}
