import { clientErrors } from '../base/errors/client.ts';
import type { ErrorRow } from '../base/errors/row.ts';

/** Facts of an answer that says what went wrong, as the server or the client's own rows write it. */
export interface Failure {
  /** A code of the error catalogue. */
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly retry: ErrorRow['retry'];
  readonly status: number;
}

/** The one error that a call of the client throws, but for the reason of an aborted signal. Recognise it by `code`. */
export class ClientError extends Error implements Failure {
  override readonly name = 'ClientError';
  readonly code: string;
  readonly hint: string;
  readonly retry: Failure['retry'];
  readonly status: number;

  constructor({ code, message, hint, retry, status }: Failure, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.retry = retry;
    this.status = status;
  }
}

/** Whether a caught value is an error of the client, of the given code if one is given. */
export function isClientError(error: unknown, code?: string): error is ClientError {
  return error instanceof ClientError && (code === undefined || error.code === code);
}

/** An error of the client's own: the whole catalogue would weigh more than the client. */
export function ownError(
  code: keyof typeof clientErrors,
  facts: Readonly<Record<string, string | number>>,
  cause?: unknown,
): ClientError {
  const row: ErrorRow = clientErrors[code];
  const message = row.message.replaceAll(/\{(\w+)\}/g, (_, name: string) => JSON.stringify(facts[name]));
  return new ClientError({ ...row, code, message }, cause);
}
