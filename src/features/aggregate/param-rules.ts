import type { ParamRule } from './aggregate.ts';

/** The rule of a parameter that is a whole number from 1 to `most`. */
export function wholeUpTo(most: number): ParamRule {
  return {
    wanted: `a whole number from 1 to ${most}`,
    holds: (value) => Number.isInteger(value) && value >= 1 && value <= most,
  };
}
