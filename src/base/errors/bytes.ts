import { never } from './row.ts';

/** Errors of stored bytes. */
export const bytesErrors = {
  BYTES_DAMAGED: never(500, 4)
    .message('the bytes of {what} are damaged at offset {offset}: {reason}')
    .hint('restore the store from a backup, or rebuild it from the log'),
  BYTES_VERSION: never(500, 4)
    .message('the bytes of {what} have format version {found}; this release reads {known}')
    .hint('use the release that wrote them, or a newer one'),
};
