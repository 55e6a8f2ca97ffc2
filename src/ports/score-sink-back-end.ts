/** A sink of a stream as its back end sees it. */
export interface ScoreSinkPlace {
  /** The value of a secret that an option names. Error: CONFIG_SECRET. */
  readonly secretIn: (named: { readonly env: string }, option: string) => string;
}

/** `exact`: each output is there once. */
export type ScoreSinkFact = 'exact';
