import { numberText } from '../base/number-text.ts';
import type { FigureSpec, Lab, LabStep } from './lab.ts';
import type { StepRun } from './step-state.ts';

/** A figure with its unit: `44.7 %`, `12.1 ms`, `$312`. */
export function figureText(value: number, { unit }: Pick<FigureSpec, 'unit'>): string {
  if (unit === 'USD') return `$${Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2)}`;
  const text = numberText(value, Math.abs(value) >= 1_000 ? 15 : 3);
  const shown = Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en') : text;
  return unit === '' ? shown : `${shown} ${unit}`;
}

/** Names in braces. */
const NAMES = /\{([A-Za-z0-9.-]{1,80})\}/g;

function filled(text: string, textOf: (name: string) => string): string {
  return text.replace(NAMES, (_, name: string) => textOf(name));
}

/** The text that a choice of a step shows, with the figures of its run. */
export function choiceText(step: LabStep, run: StepRun, choice: string): string {
  return filled(step.choices[choice].shows, (name) =>
    name === 'loss' ? figureText(run.losses[choice], step.loss) : figureText(run.figures[name], step.figures[name]),
  );
}

/** A decision that was taken, with its run. */
export interface TakenStep {
  readonly step: LabStep;
  readonly run: StepRun;
  readonly choice: string;
}

/** The sections of an answer, with the figures of the runs that led to it. */
export function answerOf({ answer }: Lab, taken: readonly TakenStep[]): Lab['answer'] {
  const byId = new Map(taken.map((one) => [one.step.id, one]));
  const textOf = (path: string) => {
    const [id, name] = path.split('.');
    const one = byId.get(id);
    if (one === undefined) throw new Error(`the answer names the step "${id}", which does not exist`);
    const { step, run, choice } = one;
    if (name === 'decision') return step.choices[choice].text;
    if (name === 'loss') return figureText(run.losses[choice], step.loss);
    return figureText(run.figures[name], step.figures[name]);
  };
  return answer.map(({ title, lines }) => ({ title, lines: lines.map((line) => filled(line, textOf)) }));
}
