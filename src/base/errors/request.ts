import { rows } from './row.ts';

/** Errors of requests to a feature service. */
export const requestErrors = rows({
  REQUEST_SHAPE: {
    message: 'a request to {where} is {found}',
    hint: "send an object with the service's request columns",
    retry: 'never',
    status: 400,
    exit: 2,
  },
  REQUEST_MISSING: {
    message: 'a request to {where} has no {column}',
    hint: 'send the column',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  REQUEST_TYPE: {
    message: 'a request to {where} has {column} = {found}; expected {expected}',
    hint: 'send a value of the declared type',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  REQUEST_LATENCY: {
    message: 'view {view} did not answer within {withinMs} ms, and it declares that the request then fails',
    hint: 'retry; if it persists, check the latencies of headrace slo, or declare null or lastKnown instead',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  REQUEST_UNKNOWN_COLUMN: {
    message: 'a request to {where} has the undeclared column {column}; declared are {known}',
    hint: 'remove the column, or declare it in the service',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
