import { never } from './row.ts';

/** Errors of the pages of reports. */
export const reportErrors = {
  REPORT_PAGE: never(501, 2)
    .message('the page of the report cannot be written: {reason}')
    .hint('in a copy of the repository run npm run console first; the JSON of the report has the same figures'),
} as const;
