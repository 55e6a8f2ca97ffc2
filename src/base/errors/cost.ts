import { rows } from './row.ts';

/** Errors of prices, spot traces and plans of training costs. */
export const costErrors = rows({
  COST_FILE: {
    message: 'the file {path} cannot be read: {reason}',
    hint: 'name an existing file that this process may read',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  COST_TRACE: {
    message: 'the file {path} is no spot trace: {reason}',
    hint: 'see docs/reference/spot-traces.md for the forms of traces',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  COST_TRACE_POLARITY: {
    message: 'the file {path} has only zeros and ones, and does not say whether 1 means available',
    hint: 'prove it with --twin FILE, another recording of the same instances, or state it with --polarity available or unavailable',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  COST_TRACE_TWIN: {
    message: 'the meaning of the file {path} is contradicted: {reason}',
    hint: 'pass the recording of the same instances, or leave out the wrong --polarity',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  COST_TRACE_UNIT: {
    message: 'the file {path} has times without a unit',
    hint: 'name the unit with --time-unit ms, s or h',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  COST_TRACE_DISORDER: {
    message: 'the times of the file {path} go backwards in {lines} places, first in line {line}',
    hint: 'repair the recording, or accept another number of losses with --sort',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  COST_INTERVAL: {
    message: 'a checkpoint interval cannot be computed: the {name} is {value} s',
    hint: 'pass measured times: above 0 for blocked time and mean time between losses',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  COST_SIMULATION: {
    message: 'the job cannot be simulated: {reason}',
    hint: 'change the job, or pass a longer trace',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  COST_PRICES: {
    message: 'the prices of {path} cannot be used: {reason}',
    hint: 'see docs/reference/prices.md for the forms of prices',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  COST_PRICES_STORE: {
    message: 'the imported prices {path} cannot be read or written: {reason}',
    hint: 'import the prices again with headrace cost prices import, or remove the file',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  COST_PRICES_NONE: {
    message: 'the folder {store} has no imported prices',
    hint: 'import some with headrace cost prices import, or name the folder with --store',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  COST_REFRESH: {
    message: 'prices cannot be refreshed: {reason}',
    hint: 'set prices.refresh of the environment to a command and the folder that it writes',
    retry: 'later',
    status: 400,
    exit: 4,
  },
});
