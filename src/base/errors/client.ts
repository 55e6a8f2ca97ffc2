import { rows } from './row.ts';

/** What a client meets that the server has not answered. */
export const clientErrors = rows({
  CLIENT_UNREACHABLE: {
    message: 'the server at {url} gives no answer: {reason}',
    mend: 'check the address and that the server runs; from a page, that it is of the page’s own origin',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  CLIENT_DEADLINE: {
    message: 'there was no answer from {url} within {deadlineMs} ms',
    mend: 'send less at once, or give the call a longer deadlineMs',
    retry: 'later',
    status: 504,
    exit: 5,
  },
  CLIENT_ANSWER: {
    message: 'what answers at {url} with status {status} is not a Headrace server',
    mend: 'check the address, and what stands between client and server',
    retry: 'never',
    status: 502,
    exit: 5,
  },
});
