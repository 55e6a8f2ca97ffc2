import { rows } from './row.ts';

/** What can be wrong with a kept declaration, and with the one that is to follow it. */
export const changeErrors = rows({
  DECLARATION_TEXT: {
    message: 'the kept declaration cannot be read: {reason}',
    mend: 'restore the file from its copy: it has the columns that events were written under',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  DECLARATION_FORMAT: {
    message: 'the kept declaration has format {found}; this release reads {known}',
    mend: 'use the release that wrote it, or a later one',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  DECLARATION_PROJECT: {
    message: 'the declaration in place is that of project {before}, not of {after}',
    mend: 'give each project an environment of its own',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  DECLARATION_MEANING: {
    message: 'project {project} gives a new meaning to {parts}',
    mend: 'run headrace plan to see it, and raise their versions',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
