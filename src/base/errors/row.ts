/** One catalogued error. `message` names facts in braces: `view {view} has no feature {feature}`. */
export interface ErrorRow {
  /** One clause; each `{fact}` is replaced by its value, text in quotes. */
  readonly message: string;
  /** The hint: the next step, as an imperative. */
  readonly hint: string;
  /** Whether the same call may be retried: never, at once (safe), or after a while (later). */
  readonly retry: 'never' | 'safe' | 'later';
  /** HTTP status. */
  readonly status: number;
  /** Exit code of the command line, of exit-codes.ts. */
  readonly exit: number;
}

/** Keeps the literal texts of a part of the catalogue, so that the facts of each message are known to the compiler. */
export function rows<const T extends Readonly<Record<string, ErrorRow>>>(table: T): T {
  return table;
}
