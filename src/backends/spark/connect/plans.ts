import type { JobColumns } from '../job.ts';
import type { Fields } from './protobuf.ts';

/** A relation: rows of an SQL text. */
export function rowsOf(sql: string): Fields {
  return [[10, [[1, sql]]]];
}

/** A relation: rows of files. Paths to read are patterns: in these every character stands for itself. */
export function filesOf(
  format: 'parquet' | 'binaryFile',
  paths: readonly string[],
  { columns = [], options = {} }: { columns?: JobColumns; options?: Readonly<Record<string, string>> } = {},
): Fields {
  const source: Fields = [
    [1, format],
    ...(columns.length === 0 ? [] : [[2, ddlOf(columns)] as const]),
    ...pairs(3, options),
    ...paths.map((path) => [4, path.replace(/[[\]{}*?,\\]/g, '\\$&')] as const),
  ];
  return [[2, [[2, source]]]];
}

function ddlOf(columns: JobColumns): string {
  return columns.map(([name, type]) => `${quoted(name)} ${type}`).join(', ');
}

export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A command: a relation becomes a view of the session, in place of one of that name. */
export function viewOf(name: string, relation: Fields): Fields {
  return [
    [
      3,
      [
        [1, relation],
        [2, name],
        [4, 1],
      ],
    ],
  ];
}

const ERROR_IF_EXISTS = 3;

/** A command: a relation is written as files into a folder that is not there yet. */
export function writtenTo(
  path: string,
  relation: Fields,
  { format, partitionedBy = [] }: { format: 'parquet' | 'json'; partitionedBy?: readonly string[] },
): Fields {
  return [
    [
      2,
      [
        [1, relation],
        [2, format],
        [3, path],
        [5, ERROR_IF_EXISTS],
        ...partitionedBy.map((column) => [7, column] as const),
      ],
    ],
  ];
}

/** Entries of a map. */
export function pairs(field: number, entries: Readonly<Record<string, string>>): Fields {
  return Object.entries(entries).map(
    ([key, value]) =>
      [
        field,
        [
          [1, key],
          [2, value],
        ],
      ] as const,
  );
}
