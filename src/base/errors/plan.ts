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
  PLAN_FLOAT_TEXT: {
    message: 'the {dialect} engine cannot write a float as text as this one does',
    mend: 'round the float to a decimal before it is kept whole (first, last, lastN, distinct, topK)',
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
