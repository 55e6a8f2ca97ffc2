import type { TrainingBackend } from '../../ports/training-backend.ts';
import type { JournalEntry } from './journal.ts';
import type { Placer } from './placer.ts';
import type { Hold } from './run-files.ts';
import type { RunSpec } from './run-spec.ts';

export interface ControllerOptions {
  /** Unique name of the run; the same in every attempt. */
  readonly run: string;
  /** Folder of the run. */
  readonly folder: string;
  readonly spec: RunSpec;
  readonly backend: TrainingBackend;
  /** Ends the run as cancelled; its newest checkpoint stays. */
  readonly signal?: AbortSignal;
  /** Each rank is a controller too, which resumes by itself: its exit after a stop is a preemption. */
  readonly ranksResume?: boolean;
  /** Takes each entry of the journal: states, checkpoints, ends of attempts. */
  readonly onEntry?: (entry: JournalEntry) => void;
  /** Chooses instances, and says when they are taken; without it the run has one placement, at the price of its specification. */
  readonly placer?: Placer;
  /** Called at every look at the gang. */
  readonly onPoll?: (step: number) => void;
  /** Where the program waits for a kill. */
  readonly hold?: Hold | undefined;
  /** Waits before an attempt of a gang that could not be provisioned, ms; doubles up to ten minutes, with jitter. */
  readonly backoffMs?: number;
}
