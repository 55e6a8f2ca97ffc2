import { later, never } from './row.ts';

/** Errors of requests to a feature service. */
export const requestErrors = {
  REQUEST_SHAPE: never(400, 2)
    .message('a request to {where} is {found}')
    .hint("send an object with the service's request columns"),
  REQUEST_MISSING: never(400, 2).message('a request to {where} has no {column}').hint('send the column'),
  REQUEST_TYPE: never(400, 2)
    .message('a request to {where} has {column} = {found}; expected {expected}')
    .hint('send a value of the declared type'),
  REQUEST_LATENCY: later(503, 5)
    .message('view {view} did not answer within {withinMs} ms, and it declares that the request then fails')
    .hint('retry; if it persists, check the latencies of headrace slo, or declare null or lastKnown instead'),
  REQUEST_UNKNOWN_COLUMN: never(400, 2)
    .message('a request to {where} has the undeclared column {column}; declared are {known}')
    .hint('remove the column, or declare it in the service'),
};
