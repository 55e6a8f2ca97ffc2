import { rows } from './row.ts';

/** Errors of stored bytes. */
export const bytesErrors = rows({
  BYTES_DAMAGED: {
    message: 'the bytes of {what} are damaged at offset {offset}: {reason}',
    hint: 'restore the store from a backup, or rebuild it from the log',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  BYTES_VERSION: {
    message: 'the bytes of {what} have format version {found}; this release reads {known}',
    hint: 'use the release that wrote them, or a newer one',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
