/** Exit codes of the command line, with their meaning, for docs/reference. @public */
export const exitCodes = {
  1: 'a fault of Headrace itself',
  2: 'wrong use',
  3: 'wrong data',
  4: 'a store or file is at fault',
  5: 'something is not reachable',
  6: 'the call was stopped before its end, or what it follows runs on',
} as const;

/** Exit code of a call that was stopped before its end: its work is not done. */
export const STOPPED_EXIT = 6;
