import { never } from './row.ts';

/** Errors of files of a user's own, whatever reads them. */
export const fileErrors = {
  FILE_NAMES: never(400, 3)
    .message('the file {path} has the columns {column} and {other}, which are one name to SQL')
    .hint('rename or remove one of the columns; upper and lower case make no difference'),
  FILE_WIDE: never(400, 3)
    .message('the file {path} has more than {most} columns')
    .hint('leave out the columns that nothing reads, or write the file as Parquet'),
  FILE_TEXT: never(400, 3)
    .message('the file {path} is no UTF-8 text: {reason}')
    .hint('write the file as UTF-8, such as by iconv -f UTF-16 -t UTF-8'),
  FILE_DAMAGED: never(400, 3)
    .message('the file {path} is not whole: {reason}')
    .hint('write or copy the file again, and compare its size and checksum with those of the source'),
};
