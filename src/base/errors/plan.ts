import { rows } from './row.ts';

/** What can be wrong with a declaration when it becomes tables and SQL. */
export const planErrors = rows({
  PLAN_NAME: {
    message: '{where} has a column {name} that no table can hold under its name',
    mend: 'use letters, digits and underscores, a letter first, and names that differ in more than case',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  PLAN_LITERAL: {
    message: 'the text {text} of an expression cannot be written as SQL: {reason}',
    mend: 'compare with a text without that character',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
