import { later, never, safe } from './row.ts';

/** Errors of prices, spot traces and plans of training costs. */
export const costErrors = {
  COST_FILE: never(400, 2)
    .message('the file {path} cannot be read: {reason}')
    .hint('name an existing file that this process may read'),
  COST_TRACE: never(400, 3)
    .message('the file {path} is no spot trace: {reason}')
    .hint('see docs/reference/spot-traces.md for the forms of traces'),
  COST_TRACE_POLARITY: never(400, 3)
    .message('the file {path} has only zeros and ones, and does not say whether 1 means available')
    .hint(
      'prove it with --twin FILE, another recording of the same instances, or state it with --polarity available or unavailable',
    ),
  COST_TRACE_TWIN: never(400, 3)
    .message('the meaning of the file {path} is contradicted: {reason}')
    .hint('pass the recording of the same instances, or leave out the wrong --polarity'),
  COST_TRACE_UNIT: never(400, 3)
    .message('the file {path} has times without a unit')
    .hint('name the unit with --time-unit ms, s or h'),
  COST_TRACE_DISORDER: never(400, 3)
    .message('the times of the file {path} go backwards in {lines} places, first in line {line}')
    .hint('repair the recording, or accept another number of losses with --sort'),
  COST_INTERVAL: never(400, 2)
    .message('a checkpoint interval cannot be computed: the {name} is {value} s')
    .hint('pass measured times: above 0 for blocked time and mean time between losses'),
  COST_SIMULATION: never(400, 2)
    .message('the job cannot be simulated: {reason}')
    .hint('change the job, or pass a longer trace'),
  COST_PRICES: never(400, 3)
    .message('the prices of {path} cannot be used: {reason}')
    .hint('see docs/reference/prices.md for the forms of prices'),
  COST_PRICES_STORE: never(500, 4)
    .message('the imported prices {path} cannot be read or written: {reason}')
    .hint('import the prices again with headrace cost prices import, or remove the file'),
  COST_PRICES_NONE: never(400, 2)
    .message('the folder {store} has no imported prices')
    .hint('import some with headrace cost prices import, or name the folder with --store'),
  COST_REFRESH: later(400, 4)
    .message('prices cannot be refreshed: {reason}')
    .hint('set prices.refresh of the environment to a command and the folder that it writes'),
  COST_JOB: never(400, 2)
    .message('the job cannot be planned: {reason}')
    .hint('correct the job; see docs/reference/cost-plan.md for its members'),
  COST_NO_PROFILE: never(400, 3)
    .message('no measured profile of the job {job} was given, so no figure is predicted')
    .hint('run headrace cost profile -- <command>, or pass a trace of a few steps with --profile'),
  COST_PROFILE: never(400, 3)
    .message('the profile {path} cannot be used: {reason}')
    .hint('measure it again with headrace cost profile'),
  COST_PROFILE_OTHER: never(400, 3)
    .message('the {kind} is of another job: {differences}')
    .hint('measure this job, or correct the description of the job'),
  COST_PROFILE_STOPPED: safe(503, 6)
    .message('the measurement was stopped in the run "{mode}"')
    .hint('start it again: it measures from the first round'),
  COST_PROFILE_RUN: never(400, 3)
    .message('the job cannot be measured: {reason}')
    .hint(
      'wrap the loader with the adapter of headrace cost profile --adapter, and let the job run a few hundred steps',
    ),
  COST_PRICES_OLD: never(400, 3)
    .message('the imported prices are {days} days old')
    .hint('import newer prices, or accept these with --old-prices'),
  COST_VERIFY: never(400, 3)
    .message('{name} cannot be verified: {reason}')
    .hint('pass the output of headrace cost plan --json, and a result as in docs/reference/cost-plan.md'),
};
