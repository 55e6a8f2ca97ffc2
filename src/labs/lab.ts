import type { Random } from '../base/rng.ts';
import type { ServeProject } from '../running/measure-modes.ts';

/** One number that a step measures: its name and its unit, `%`, `ms`, `USD`; empty for a count. */
export interface FigureSpec {
  readonly what: string;
  readonly unit: string;
}

/** The numbers of one run of a step: the evidence, and for each choice the figure that it is judged by. */
export interface Measured<F extends string = string, C extends string = string> {
  readonly figures: Readonly<Record<F, number>>;
  /** In the unit of the step's loss; the least is best. */
  readonly losses: Readonly<Record<C, number>>;
}

/** Where a step acts: a folder and systems of its own, never the data of the server's project. */
export interface LabWorld {
  /** An empty folder; its content goes when the step ends. */
  readonly folder: string;
  /** Seeded for each run: the hidden fault of a system differs from run to run. */
  readonly random: Random;
  /** Aborted when the server closes, or the run is cancelled. */
  readonly signal: AbortSignal;
  /** Shows one line of progress. */
  readonly say: (line: string) => void;
  /** Serves a project of the lab over HTTP on this machine. */
  readonly serve: ServeProject;
}

/**
 * One step: an action on a running system, a decision, and the measurement that judges it. A text names a figure as `{figure}`, and
 * otherwise holds no number: whatever a person reads was measured in that run.
 */
export interface LabStep<F extends string = string, C extends string = string> {
  readonly id: string;
  readonly title: string;
  /** The situation and the question. */
  readonly asks: string;
  /** The action: the verb of its button, and its effect in one sentence. */
  readonly act: { readonly verb: string; readonly effect: string };
  readonly figures: Readonly<Record<F, FigureSpec>>;
  /** The figure by which every choice is judged. */
  readonly loss: FigureSpec;
  /** Each choice, and what its loss shows; `{loss}` is its own. */
  readonly choices: Readonly<Record<C, { readonly text: string; readonly shows: string }>>;
  readonly measure: (world: LabWorld) => Promise<Measured<F, C>>;
}

/** A part of the answer. A text names figures as `{step.figure}`, and the taken decision as `{step.decision}` and `{step.loss}`. */
export interface AnswerSection {
  readonly title: string;
  readonly lines: readonly string[];
}

/** A lab: a question as an interviewer asks it, steps on a running system, and the answer that they lead to. */
export interface Lab {
  readonly id: string;
  readonly title: string;
  /** May hold the numbers of the question. */
  readonly question: string;
  /** The page of the documentation. */
  readonly page: string;
  readonly steps: readonly LabStep[];
  readonly answer: readonly AnswerSection[];
}

/** A step whose figures and choices are those of its measurement. */
export function labStep<const F extends string, const C extends string>(step: LabStep<F, C>): LabStep {
  // A list of steps forgets the names; `measure` returns exactly those that are declared.
  return step as unknown as LabStep;
}
