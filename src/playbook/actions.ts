import type { ExplainedMove } from '../features/define/rollout.ts';
import type { IncidentPort } from '../ports/incident.ts';
import type { Observed, PlaybookAction } from '../ports/playbook-store.ts';
import type { RemedyTrial } from './remedy-trial.ts';

type Of<Kind extends PlaybookAction['do']> = Extract<PlaybookAction, { do: Kind }>;

/** The result of a gate: both versions on labelled rows that the new one has not seen. */
export interface GateResult {
  readonly isPassed: boolean;
  readonly reason: string;
  /** Mean losses, rows and the interval of their difference, by slice. */
  readonly slices: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
  /** How the scores moved on the newest rows; left out: nobody compared them. */
  readonly explained?: ExplainedMove;
}

/** Two instants, epoch ms: rollouts are looked at now, and the windows of monitors as of `at`. */
export interface Look {
  readonly now: number;
  readonly at: number;
}

/**
 * The actions of a playbook. Each may be asked for again under its id, after a crash: it then finds its effect, and has it
 * once only.
 */
export interface PlaybookActions {
  /** Measures a remedy on labelled rows of its fault, and on sound ones with the fault put in. Reads only. */
  tryRemedy(id: string, action: Of<'tryRemedy'>): Promise<RemedyTrial>;
  /** The findings of the monitors, the champion and the newest rollout. */
  observe(look: Look): Promise<Omit<Observed, 'kind' | 'digest'>>;
  /** Trains and registers one version for this id. */
  retrain(
    id: string,
    action: Of<'retrain'>,
  ): Promise<{ readonly version: number; readonly rows: number; readonly digest: string }>;
  /** Reads only. */
  gate(id: string, action: Of<'gate'>, thresholds: Readonly<Record<string, unknown>>): Promise<GateResult>;
  /** Starts one rollout, whose id is this one. */
  rollOut(id: string, action: Of<'rollOut'>, reason: string): Promise<void>;
  /** Ends a rollout with the champion that it began with; one that is over already stays as it is. */
  rollBack(action: Of<'rollBack'>, reason: string): Promise<void>;
  /** Draws ids of predictions, the same at each call, and writes them to a file. */
  audit(
    id: string,
    action: Of<'audit'>,
  ): Promise<{ readonly rows: number; readonly path: string; readonly digest: string }>;
  readonly incidents: IncidentPort;
}
