import { rows } from './row.ts';

/** Errors of a stored declaration, and of the declaration that replaces it. */
export const changeErrors = rows({
  DECLARATION_TEXT: {
    message: 'the stored declaration cannot be read: {reason}',
    hint: 'restore the file from a backup: it describes the columns of stored events',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  DECLARATION_FORMAT: {
    message: 'the stored declaration has format {found}; this release reads {known}',
    hint: 'use the release that wrote it, or a newer one',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  DECLARATION_PROJECT: {
    message: 'the stored declaration is of project {before}, not of {after}',
    hint: 'give each project its own environment',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  DECLARATION_MEANING: {
    message: 'project {project} changes the meaning of {parts}',
    hint: 'run headrace plan to see the change, and raise their versions',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
