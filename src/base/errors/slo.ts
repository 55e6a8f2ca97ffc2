import { rows } from './row.ts';

/** What can be wrong with a report of measured budgets. */
export const sloErrors = rows({
  SLO_PROJECT: {
    message: 'the servers serve different projects: {project} and {other}',
    mend: 'name servers of one project',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  SLO_REPORT: {
    message: 'what {from} answers is no report: {reason}',
    mend: 'name a headrace server of this version',
    retry: 'never',
    status: 502,
    exit: 3,
  },
});
