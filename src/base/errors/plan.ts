import { rows } from './row.ts';

/** Errors of compiling a declaration to tables and SQL. */
export const planErrors = rows({
  PLAN_NAME: {
    message: 'the column {name} of {where} has no valid name for a table',
    hint: 'use letters, digits and underscores, a letter first, and names that differ not only in case',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  PLAN_LITERAL: {
    message: 'the text {text} of an expression cannot be written as SQL: {reason}',
    hint: 'compare with a text without that character',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
