/** What a check found. */
export interface Outcome {
  /** What was looked at, in a few words: `84 modules, 11 seeded violations caught`. */
  readonly seen: string;
  /** One text for each fault; none: the check passes. */
  readonly problems: readonly string[];
  /** What is not as it should be, and fails nothing. */
  readonly warnings?: readonly string[];
}

/** One thing that is checked before a change may land; one file each in this folder. */
export interface Check {
  readonly name: string;
  run(): Promise<Outcome>;
}
