import { never } from './row.ts';

/** Errors of a stored declaration, and of the declaration that replaces it. */
export const changeErrors = {
  DECLARATION_TEXT: never(500, 4)
    .message('the stored declaration cannot be read: {reason}')
    .hint('restore the file from a backup: it describes the columns of stored events'),
  DECLARATION_FORMAT: never(500, 4)
    .message('the stored declaration has format {found}; this release reads {known}')
    .hint('use the release that wrote it, or a newer one'),
  DECLARATION_PROJECT: never(400, 2)
    .message('the stored declaration is of project {before}, not of {after}')
    .hint('give each project its own environment'),
  DECLARATION_MEANING: never(400, 2)
    .message('project {project} changes the meaning of {parts}')
    .hint('run headrace plan to see the change, and raise their versions'),
};
