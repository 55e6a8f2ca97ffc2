import { basename, resolve } from 'node:path';
import { localTraining, lockRun } from '../../site/back-ends/training-systems.ts';
import { superviseRun } from '../../training/runner/controller.ts';
import { readDrill } from '../../training/runner/drill.ts';
import { lineOf, printOutcome } from './run-lines.ts';
import { evidenceOfCall, folderOf, type RunCall, specOf } from './run-options.ts';
import { type RecordedRun, recordedRun } from './spot-options.ts';

/** Runs a program by a controller of this process. Ctrl-C cancels the run; the same call resumes it. Errors: RUN_*. */
export async function runTraining(call: RunCall): Promise<void> {
  const spec = specOf(call);
  const folder = folderOf(call);
  const { drill, progress } = call.options;
  if (drill !== undefined) readDrill(resolve(drill, 'drill'), await evidenceOfCall(call, spec));
  const recorded = await recordedRun(call, spec);
  const lock = lockRun(folder);
  const backend = localTraining(folder);
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
      ...progressLines(call),
      ...(recorded === null ? {} : { placer: recorded.placer }),
      onEntry: (entry) => {
        const line = lineOf(entry);
        if (line !== null) call.terminal.err(line);
      },
    });
    if (progress !== undefined) call.terminal.err(progressLine(outcome.step));
    const predicted = recorded === null ? {} : { predicted: recorded.predicted };
    if (recorded !== null && !call.json) call.terminal.out(predictedText(recorded.predicted, outcome.ledger.cost));
    printOutcome(call, { ...outcome, ...predicted }, run);
  } finally {
    await backend.close();
    lock.release();
  }
}

/** The step, as the controller of another machine reads it from the log of this one. */
function progressLine(step: number): string {
  return `progress: step ${step}`;
}

/** Says the step at intervals, also where it stands still. */
function progressLines({ options: { progress: seconds }, terminal }: RunCall): {
  readonly onPoll?: (step: number) => void;
} {
  if (seconds === undefined) return {};
  let last = Number.NEGATIVE_INFINITY;
  return {
    onPoll(step) {
      if (performance.now() - last < seconds * 1000) return;
      last = performance.now();
      terminal.err(progressLine(step));
    },
  };
}

function predictedText(predicted: RecordedRun['predicted'], cost: number): string {
  if (predicted === null) return 'the simulator does not finish in this recording';
  return `predicted cost ${predicted.cost.toFixed(4)}, paid ${cost.toFixed(4)}`;
}
