import { rows } from './row.ts';

/** Errors of reports of measured budgets. */
export const sloErrors = rows({
  SLO_PROJECT: {
    message: 'the servers serve different projects: {project} and {other}',
    hint: 'name servers of one project',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  SLO_REPORT: {
    message: 'the answer of {from} is not a report: {reason}',
    hint: 'name a Headrace server of this version',
    retry: 'never',
    status: 502,
    exit: 3,
  },
});
