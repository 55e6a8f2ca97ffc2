import { rows } from './row.ts';

/** What can be wrong with a request to a feature service. */
export const requestErrors = rows({
  REQUEST_SHAPE: {
    message: 'a request to {where} is {found}',
    mend: "send an object with the service's request columns",
    retry: 'never',
    status: 400,
    exit: 2,
  },
  REQUEST_MISSING: {
    message: 'a request to {where} has no {column}',
    mend: 'send the column',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  REQUEST_TYPE: {
    message: 'a request to {where} has {column} = {found}; it takes {expected}',
    mend: 'send a value of the declared type',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  REQUEST_LATENCY: {
    message: 'the view {view} did not answer within {withinMs} ms, and its declared choice is to fail',
    mend: 'try again; where it stays so, see the latencies of headrace slo, or declare null or lastKnown instead',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  REQUEST_UNKNOWN_COLUMN: {
    message: 'a request to {where} has a column {column} that is not declared; declared are {known}',
    mend: 'leave the column out, or declare it in the service',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
