import type { Dialect } from './dialect.ts';
import { standard } from './standard.ts';
import { double } from './text.ts';

/** Spark 4 with ANSI rules, over files: the shared text of tiles, arrays from 0, escapes by backslash. */
export const spark: Dialect = {
  ...standard,
  name: 'spark',
  identifier: (name) => `\`${name.replaceAll('`', '``')}\``,
  // Two quotes are one on some versions and nothing on others; backslashes are escapes on all.
  text: (value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')}'`,
  element: (embedding, place) => `${embedding}[${place}]`,
  beyond: (embedding, _length, most) =>
    `(ARRAY_MAX(${embedding}) > ${double(most)} OR ARRAY_MIN(${embedding}) < ${double(-most)})`,
};
