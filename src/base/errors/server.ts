import { rows } from './row.ts';

/** What a client of the HTTP server can do wrong, or meet. */
export const serverErrors = rows({
  SERVER_BODY: {
    message: 'the body is not what the route takes: {reason}',
    mend: 'send JSON as /openapi.json describes it',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  SERVER_BODY_SIZE: {
    message: 'the body is larger than the server takes',
    mend: 'send fewer events or keys at once, or start the server with a larger --body-limit',
    retry: 'never',
    status: 413,
    exit: 2,
  },
  SERVER_MEDIA_TYPE: {
    message: 'the content type is not one the route takes',
    mend: 'send content-type: application/json, or another that /openapi.json names for the route',
    retry: 'never',
    status: 415,
    exit: 2,
  },
  SERVER_METHOD_BODY: {
    message: 'a request {method} has a body',
    mend: 'send it without a body, or by the method that /openapi.json names for the route',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  SERVER_HOST: {
    message: 'the server does not answer as {host}',
    mend: 'ask it as localhost, or start it with --host-name and the name that its clients use',
    retry: 'never',
    status: 421,
    exit: 2,
  },
  SERVER_ROUTE: {
    message: 'there is no route {method} {path}',
    mend: 'see /openapi.json for the routes',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  SERVER_READ_ONLY: {
    message: 'this process only reads: it has no {method} {path}',
    mend: 'ask the process that writes (headrace serve)',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  SERVER_WRITER: {
    message: 'the process that writes gives no answer: {reason}',
    mend: 'send it again, as retry-after says: events by their ids count once; where that goes on see the log of the server',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  SERVER_BUSY: {
    message: 'the server has more requests than it answers in time',
    mend: 'wait as retry-after says, then send it again; add serving processes where that goes on',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  SERVER_FAULT: {
    message: 'the server met an error that it does not know',
    mend: 'see the log of the server at the same instant, and report it',
    retry: 'later',
    status: 500,
    exit: 1,
  },
  SERVER_ASK: {
    message: 'the server {server} gives no answer: {reason}',
    mend: 'start it (headrace serve), or name the address that it listens on',
    retry: 'later',
    status: 502,
    exit: 5,
  },
  SERVER_ADDRESS: {
    message: 'cannot listen on {address}: {reason}',
    mend: 'choose another --port, or stop what listens there',
    retry: 'later',
    status: 500,
    exit: 5,
  },
});
