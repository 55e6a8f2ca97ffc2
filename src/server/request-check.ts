/** What a check may go by. */
export interface CheckedRequest {
  readonly path: string;
  /** The field authorization; null where there is none. */
  readonly authorization: string | null;
}

/** Throws a coded error for a request that may not be answered: called by the lean reader and by the full server, before anything else. */
export type RequestCheck = (request: CheckedRequest) => void;

/** Answers everyone: the server listens on this machine, or behind a proxy that authenticates. */
export const answerAll: RequestCheck = () => undefined;
