import { basename, resolve } from 'node:path';
import { fail } from '../base/errors/fail.ts';
import { localTraining, lockRun } from '../compose/training-backends.ts';
import { superviseRun } from '../training/runner/controller.ts';
import { readDrill } from '../training/runner/drill.ts';
import type { JournalEntry } from '../training/runner/journal.ts';
import type { Call } from './command.ts';
import { folderOf, helperFolder, specOf } from './run-options.ts';
import { type RecordedRun, recordedRun } from './spot-options.ts';

/** Runs a program by a controller of this process. Ctrl-C cancels the run; the same call resumes it. Errors: RUN_*. */
export async function runTraining(call: Call): Promise<void> {
  const spec = specOf(call);
  const folder = folderOf(call);
  const drill = call.options['drill'];
  if (drill !== undefined) readDrill(resolve(String(drill), 'drill'), spec);
  const recorded = await recordedRun(call, spec);
  const lock = lockRun(folder);
  const backend = localTraining(folder, helperFolder());
  const stopped = new AbortController();
  call.terminal.stopped.then(() => stopped.abort());
  try {
    const run = basename(folder);
    const outcome = await superviseRun({
      run,
      folder,
      spec,
      backend,
      signal: stopped.signal,
      ...(recorded === null ? {} : { placer: recorded.placer }),
      onEntry: (entry) => {
        const line = lineOf(entry);
        if (line !== null) call.terminal.err(line);
      },
    });
    const { ledger, step } = outcome;
    if (call.json)
      call.terminal.out(
        JSON.stringify({ ...outcome, ...(recorded === null ? {} : { predicted: recorded.predicted }) }),
      );
    else
      call.terminal.out(
        `${outcome.state} at step ${step}: ${ledger.attempts.length} attempts, ${ledger.seconds.toFixed(1)} s, cost ${ledger.cost.toFixed(4)}, ${ledger.lostSteps} steps lost`,
      );
    if (recorded !== null && !call.json) call.terminal.out(predictedText(recorded.predicted, outcome.ledger.cost));
    if (outcome.state === 'failed')
      throw fail('RUN_FAILED', {
        run,
        step,
        class: outcome.class ?? '',
        tail: [outcome.hint, ...outcome.tail.slice(-3)],
      });
  } finally {
    await backend.close();
    lock.release();
  }
}

function predictedText(predicted: RecordedRun['predicted'], cost: number): string {
  if (predicted === null) return 'the simulator does not finish in this recording';
  return `predicted cost ${predicted.cost.toFixed(4)}, paid ${cost.toFixed(4)}`;
}

/** The line of an entry for people; null: none. */
function lineOf({ event, attempt, data }: JournalEntry): string | null {
  if (event === 'state') return `attempt ${attempt}: ${data['to']}`;
  if (event === 'checkpoint') return `attempt ${attempt}: checkpoint of step ${data['step']}, ${data['bytes']} bytes`;
  if (event === 'damagedCheckpoint') return `the checkpoint ${data['name']} is damaged: ${data['reason']}`;
  if (event === 'ended') return `attempt ${attempt} ended at step ${data['step']}: ${data['class']}`;
  if (event === 'notProvisioned') return `attempt ${attempt} could not start: ${data['reason']}`;
  return null;
}
