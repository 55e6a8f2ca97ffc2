import { mkdirSync } from 'node:fs';
import { type ErrorCode, isHeadraceError } from '../../base/errors/fail.ts';
import type { TrainingBackend } from '../../ports/training-backend.ts';
import { superviseRun } from '../runner/controller.ts';
import { readHeartbeat } from '../runner/heartbeat.ts';
import type { RunOutcome } from '../runner/run-outcome.ts';
import { parseRunSpec, type RunSpecInput } from '../runner/run-spec.ts';
import type { Parameters } from './search-space.ts';
import type { SweepFile } from './sweep-file.ts';

export interface TrialRun {
  /** Name of the run, the same for every budget of the trial. */
  readonly run: string;
  /** Folder of the trial: it holds its checkpoints. */
  readonly folder: string;
  readonly sweep: SweepFile;
  readonly trial: number;
  /** Steps that the trial has done after it. */
  readonly to: number;
  readonly parameters: Parameters;
  /** Opens the back end of the trial. */
  readonly open: (folder: string) => TrainingBackend;
  readonly signal: AbortSignal;
  /** More of the run's specification. */
  readonly spec?: Partial<RunSpecInput> | undefined;
}

export interface TrialEnd {
  /** NaN: it was not finite, or the run failed. */
  readonly loss: number;
  /** Why the loss is not a number. */
  readonly failure: string | null;
  readonly seconds: number;
  /** More numbers of its result, by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Faults of the files of one trial, which say nothing about the others. */
const OWN_FAULTS: readonly ErrorCode[] = ['RUN_RESULT', 'RUN_JOURNAL', 'CHECKPOINT_WORLD_SIZE', 'CHECKPOINT_NEWER'];

/** Trains a trial up to a budget, from its newest checkpoint; null: it was cancelled. A file of the trial that cannot be read fails the trial alone. Error: RUN_SPEC. */
export async function runTrial(trial: TrialRun): Promise<TrialEnd | null> {
  const { run, folder, sweep, to, parameters, open, signal, spec } = trial;
  mkdirSync(folder, { recursive: true });
  const backend = open(folder);
  const before = performance.now();
  const passed = () => (performance.now() - before) / 1000;
  try {
    const outcome = await superviseRun({
      run,
      folder,
      spec: parseRunSpec({
        ...spec,
        command: sweep.command,
        targetSteps: to,
        killRestarts: sweep.restarts,
        stopWhenDiverged: true,
        options: {
          ...parameters,
          trial: trial.trial,
          budget: to,
          fullBudget: sweep.budget.max,
          schedule: sweep.schedule,
        },
      }),
      backend,
      signal,
    });
    if (outcome.state === 'cancelled') return null;
    return { ...lossOf(outcome, folder), seconds: passed(), metrics: metricsOf(outcome) };
  } catch (error) {
    if (!isHeadraceError(error) || !OWN_FAULTS.includes(error.code)) throw error;
    return { loss: Number.NaN, failure: error.code, seconds: passed(), metrics: {} };
  } finally {
    await backend.close();
  }
}

/** The loss of a run: of its result, or of its last heartbeat. A run that failed has none. */
function lossOf(
  { state, class: found, result, ledger }: RunOutcome,
  folder: string,
): { loss: number; failure: string | null } {
  if (state !== 'completed') return { loss: Number.NaN, failure: found ?? state };
  const said = (result as { result?: { loss?: unknown } } | null)?.result;
  const attempt = ledger.attempts.at(-1)?.attempt ?? 0;
  const loss =
    typeof said === 'object' && said !== null && 'loss' in said ? said.loss : readHeartbeat(folder, 0, attempt)?.loss;
  return typeof loss === 'number' && Number.isFinite(loss)
    ? { loss, failure: null }
    : { loss: Number.NaN, failure: 'diverged' };
}

function metricsOf({ result }: RunOutcome): Readonly<Record<string, number>> {
  const said = (result as { result?: unknown } | null)?.result;
  if (typeof said !== 'object' || said === null) return {};
  return Object.fromEntries(
    Object.entries(said).filter(
      (entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isFinite(entry[1]),
    ),
  );
}
