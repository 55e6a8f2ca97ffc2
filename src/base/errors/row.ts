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

/** Starts a row whose call must not be repeated: HTTP status, exit code; then its message and its hint. */
export const never = rowsThat('never');

/** Starts a row whose call may be repeated at once. */
export const safe = rowsThat('safe');

/** Starts a row whose call may be repeated after a while. */
export const later = rowsThat('later');

/** The literal text of a message is kept, so that the compiler knows its facts. */
function rowsThat(retry: ErrorRow['retry']) {
  return (status: number, exit: number) => ({
    message: <const Text extends string>(message: Text) => ({
      hint: (hint: string): ErrorRow & { readonly message: Text } => ({ message, hint, retry, status, exit }),
    }),
  });
}
