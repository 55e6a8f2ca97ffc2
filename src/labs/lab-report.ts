import { supportedChoices } from './judge.ts';
import type { FigureSpec, Lab, LabStep } from './lab.ts';
import { answerOf, choiceText, figureText } from './phrase.ts';
import type { StepFault, StepRun, StepState } from './step-state.ts';

/** A measured number as it is shown. */
export interface FigureReport extends FigureSpec {
  readonly name: string;
  readonly value: number;
  readonly text: string;
}

/** One choice of a step. `loss` and `shows` are null until it was tried, or the step is passed. */
export interface ChoiceReport {
  readonly id: string;
  readonly text: string;
  readonly loss: FigureReport | null;
  readonly shows: string | null;
  readonly verdict: 'supported' | 'weaker' | null;
}

/** A step as a person sees it. */
export interface StepReport {
  readonly id: string;
  readonly title: string;
  readonly asks: string;
  readonly act: LabStep['act'];
  readonly state: StepState['kind'];
  /** Progress of a step that acts. */
  readonly lines: readonly string[];
  readonly fault: StepFault | null;
  readonly measuredAt: number | null;
  /** The seed of the run. */
  readonly seed: number | null;
  readonly figures: readonly FigureReport[];
  readonly loss: FigureSpec;
  readonly choices: readonly ChoiceReport[];
  readonly tried: readonly string[];
}

/** A lab in one row. */
export interface LabSummary {
  readonly id: string;
  readonly title: string;
  readonly question: string;
  readonly page: string;
  readonly steps: number;
  readonly passed: number;
  readonly isComplete: boolean;
  /** The states of its steps, so that a change shows. */
  readonly states: readonly string[];
}

/** A lab with its steps; its answer once every step is passed. */
export interface LabReport extends Omit<LabSummary, 'steps' | 'states'> {
  readonly steps: readonly StepReport[];
  readonly answer: Lab['answer'] | null;
}

type States = ReadonlyMap<string, StepState>;

export function labSummary(lab: Lab, states: States): LabSummary {
  const { id, title, question, page, steps } = lab;
  const passed = steps.filter((step) => states.get(step.id)?.kind === 'passed').length;
  const texts = steps.map((step) => stateText(states.get(step.id)));
  return { id, title, question, page, steps: steps.length, passed, isComplete: passed === steps.length, states: texts };
}

function stateText(state: StepState | undefined): string {
  if (state === undefined) return 'locked';
  return 'tried' in state ? `${state.kind} at ${state.run.at}, ${state.tried.length} tried` : state.kind;
}

export function labReport(lab: Lab, states: States, linesOf: (job: string) => readonly string[]): LabReport {
  const { steps: _, states: __, ...summary } = labSummary(lab, states);
  const reports = lab.steps.map((step) => stepReport(step, states.get(step.id) ?? { kind: 'locked' }, linesOf));
  const taken = lab.steps.flatMap((step) => {
    const state = states.get(step.id);
    return state?.kind === 'passed' ? [{ step, run: state.run, choice: state.tried[state.tried.length - 1] }] : [];
  });
  return { ...summary, steps: reports, answer: summary.isComplete ? answerOf(lab, taken) : null };
}

function stepReport(step: LabStep, state: StepState, linesOf: (job: string) => readonly string[]): StepReport {
  const { id, title, asks, act, loss } = step;
  const run = 'run' in state ? state.run : null;
  const tried = 'tried' in state ? state.tried : [];
  return {
    ...{ id, title, asks, act, loss, tried },
    state: state.kind,
    lines: state.kind === 'acting' ? linesOf(state.job) : [],
    fault: state.kind === 'ready' ? state.fault : null,
    measuredAt: run?.at ?? null,
    seed: run?.seed ?? null,
    figures:
      run === null ? [] : Object.entries(step.figures).map(([name, spec]) => figure(name, spec, run.figures[name])),
    choices: Object.keys(step.choices).map((choice) =>
      choiceReport(step, choice, run !== null && (state.kind === 'passed' || tried.includes(choice)) ? run : null),
    ),
  };
}

function choiceReport(step: LabStep, id: string, run: StepRun | null): ChoiceReport {
  const { text } = step.choices[id];
  if (run === null) return { id, text, loss: null, shows: null, verdict: null };
  return {
    id,
    text,
    loss: figure(id, step.loss, run.losses[id]),
    shows: choiceText(step, run, id),
    verdict: supportedChoices(run).includes(id) ? 'supported' : 'weaker',
  };
}

function figure(name: string, spec: FigureSpec, value: number): FigureReport {
  return { name, ...spec, value, text: figureText(value, spec) };
}
