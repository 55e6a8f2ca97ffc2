import { rows } from './row.ts';

/** What can be wrong with a declaration. */
export const declarationErrors = rows({
  WINDOW_TEXT: {
    message: '{where} has a duration {text}',
    mend: 'write a positive whole number and ms, s, m, h or d, such as "15m"',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
