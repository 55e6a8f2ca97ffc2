import { later, never } from './row.ts';

/** Errors of the client for which the server sent no answer. */
export const clientErrors = {
  CLIENT_UNREACHABLE: later(503, 5)
    .message('the server at {url} does not answer: {reason}')
    .hint('check the address and that the server runs; a web page must have the same origin'),
  CLIENT_DEADLINE: later(504, 5)
    .message('{url} did not answer within {deadlineMs} ms')
    .hint('send less in one call, or give the call a longer deadlineMs'),
  CLIENT_ANSWER: never(502, 5)
    .message('{url} answered with status {status}, and is not a Headrace server')
    .hint('check the address, and any proxy between client and server'),
};
