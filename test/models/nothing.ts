/** What the program of `processes/pick-program.ts` answers for an input that is missing. */
export const NOTHING = -12_345.5;
