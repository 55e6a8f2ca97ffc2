/** An error of the server as its catalogue has it, or a call that had no answer. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string;

  constructor(fact: {
    readonly status: number;
    readonly code: string;
    readonly message: string;
    readonly hint: string;
  }) {
    super(fact.message);
    this.status = fact.status;
    this.code = fact.code;
    this.hint = fact.hint;
  }
}

/** The body of an error answer. */
interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

/** An error answer as an error. */
export function apiError(status: number, body: unknown): ApiError {
  if (isErrorBody(body)) return new ApiError({ status, ...body.error });
  return new ApiError({
    status,
    code: `HTTP_${status}`,
    message: `the server answered ${status}`,
    hint: 'look at its log',
  });
}

/** Any failure as an error with a code and a hint. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new ApiError({
    status: 0,
    code: 'NO_ANSWER',
    message: `the server does not answer (${reason})`,
    hint: 'start it again with headrace dev or headrace serve; this page connects by itself',
  });
}

function isErrorBody(body: unknown): body is ErrorBody {
  return typeof Object(Object(body)['error'])['code'] === 'string';
}
