import { fail } from '../base/errors/fail.ts';
import type { Lab, LabStep, Measured } from './lab.ts';

/** Losses that differ by less than this are equal, relative to the larger. */
const EQUAL = 1e-9;

/** The choices that a measurement supports: those with the least loss. Nothing else judges a decision. */
export function supportedChoices({ losses }: Measured): readonly string[] {
  const least = Math.min(...Object.values(losses));
  return Object.entries(losses).flatMap(([choice, loss]) =>
    loss - least <= EQUAL * Math.max(Math.abs(loss), Math.abs(least)) ? [choice] : [],
  );
}

/** Checks that a measurement has a finite number for each figure and choice of its step, and nothing else. Error: LAB_SYSTEM. */
export function checkMeasured(lab: Pick<Lab, 'id'>, step: LabStep, measured: Measured): Measured {
  const pairs = [
    [step.figures, measured.figures],
    [step.choices, measured.losses],
  ] as const;
  for (const [declared, found] of pairs) {
    const names = new Set([...Object.keys(declared), ...Object.keys(found)]);
    for (const name of names)
      if (!Object.hasOwn(declared, name) || !Number.isFinite(found[name]))
        throw fail('LAB_SYSTEM', { lab: lab.id, reason: `"${name}" of the step "${step.id}" is ${found[name]}` });
  }
  return measured;
}
