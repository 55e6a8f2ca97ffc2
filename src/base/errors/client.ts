import { rows } from './row.ts';

/** Errors of the client for which the server sent no answer. */
export const clientErrors = rows({
  CLIENT_UNREACHABLE: {
    message: 'the server at {url} does not answer: {reason}',
    hint: 'check the address and that the server runs; a web page must have the same origin',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  CLIENT_DEADLINE: {
    message: '{url} did not answer within {deadlineMs} ms',
    hint: 'send less in one call, or give the call a longer deadlineMs',
    retry: 'later',
    status: 504,
    exit: 5,
  },
  CLIENT_ANSWER: {
    message: '{url} answered with status {status}, and is not a Headrace server',
    hint: 'check the address, and any proxy between client and server',
    retry: 'never',
    status: 502,
    exit: 5,
  },
});
