import { never } from './row.ts';

/** Errors of reports of measured budgets. */
export const sloErrors = {
  SLO_PROJECT: never(400, 2)
    .message('the servers serve different projects: {project} and {other}')
    .hint('name servers of one project'),
  SLO_REPORT: never(502, 3)
    .message('the answer of {from} is not a report: {reason}')
    .hint('name a Headrace server of this version'),
};
