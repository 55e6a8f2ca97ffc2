import { never } from './row.ts';

/** Errors of compiling a declaration to tables and SQL. */
export const planErrors = {
  PLAN_NAME: never(400, 2)
    .message('the column {name} of {where} has no valid name for a table')
    .hint('use letters, digits and underscores, a letter first, and names that differ not only in case'),
  PLAN_LITERAL: never(400, 2)
    .message('the text {text} of an expression cannot be written as SQL: {reason}')
    .hint('compare with a text without that character'),
};
