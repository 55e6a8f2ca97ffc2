import { fail } from '../../base/errors/fail.ts';
import type { Columns } from '../../schema/column.ts';

/** `column=value` words as an object; numbers and booleans are read by the declared type. Error: CLI_VALUE. */
export function columnWords(columns: Columns, pairs: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw fail('CLI_VALUE', { option: 'request', value: pair, wanted: '<column>=<value>' });
      const [column, value] = [pair.slice(0, at), pair.slice(at + 1)];
      const type = Object.hasOwn(columns, column) ? columns[column].type : undefined;
      if (type === 'bool') return [column, value === 'true' ? true : value === 'false' ? false : value];
      return [column, type === 'int' || type === 'float' || type === 'time' ? Number(value) : value];
    }),
  );
}
