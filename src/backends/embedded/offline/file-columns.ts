import { SQL_TYPES } from '../../../ports/offline-store.ts';
import type { ManifestFile, ManifestTable } from './manifest.ts';
import { quoteName } from './sql-text.ts';

/** Neighbouring files of the same columns together, in their order. */
export function groupedByColumns(files: readonly ManifestFile[]): readonly (readonly ManifestFile[])[] {
  const groups: ManifestFile[][] = [];
  let last: string | undefined;
  for (const file of files) {
    const columns = JSON.stringify(file.columns ?? null);
    if (columns === last) groups[groups.length - 1].push(file);
    else groups.push([file]);
    last = columns;
  }
  return groups;
}

/** The SELECT list for a table's columns from files; `own` are the columns of the files where they differ. */
export function selectList(columns: ManifestTable['columns'], own: ManifestFile['columns']): string {
  if (own === undefined) return columns.map(([column]) => quoteName(column)).join(', ');
  const types = new Map(own);
  return columns
    .map(([column, type]) => {
      const was = types.get(column);
      if (was === type) return quoteName(column);
      return `CAST(${was === undefined ? 'NULL' : quoteName(column)} AS ${SQL_TYPES[type]}) AS ${quoteName(column)}`;
    })
    .join(', ');
}
