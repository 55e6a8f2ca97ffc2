import { fail } from '../../../base/errors/fail.ts';
import type { OfflineChange, OfflineTable } from '../../../ports/offline-store.ts';
import type { Manifest, ManifestFile, ManifestTable } from './manifest.ts';

/** The manifest after a change whose files are written, one or none an append. Error: OFFLINE_COLUMNS. */
export function withChange(
  manifest: Manifest,
  change: Omit<OfflineChange, 'tables'> & { readonly tables: readonly { readonly table: OfflineTable }[] },
  written: readonly (ManifestFile | null)[],
  now: number,
): Manifest {
  const tables = new Map(manifest.tables.map((table) => [table.name, table]));
  for (const { table } of change.tables) {
    const stored = tables.get(table.name);
    if (stored !== undefined && change.mode === 'append') checkColumns(stored, table);
    else tables.set(table.name, { name: table.name, columns: Object.entries(table.columns), files: [] });
  }
  change.tables.forEach(({ table: { name } }, i) => {
    const table = tables.get(name);
    const file = written[i];
    if (table !== undefined && file !== null) tables.set(name, { ...table, files: [...table.files, file] });
  });
  const position = Object.fromEntries(Object.entries(change.position).map(([topic, next]) => [topic, [...next]]));
  return next(manifest, [...tables.values()], { ...manifest.positions, [change.writer]: position }, now);
}

/**
 * The manifest after a table has got the columns of another declaration; null where it has them. Its files keep theirs.
 * Error: OFFLINE_COLUMNS.
 */
export function withColumns(manifest: Manifest, table: OfflineTable, now: number): Manifest | null {
  const stored = manifest.tables.find(({ name }) => name === table.name);
  if (stored === undefined) return null;
  const columns = Object.entries(table.columns);
  if (columnsText(columns) === columnsText(stored.columns)) return null;
  const kept = stored.columns.every(([column, type]) => {
    const is = Object.hasOwn(table.columns, column) ? table.columns[column] : undefined;
    return is === type || (type === 'BIGINT' && (is === 'DOUBLE' || is === 'DECIMAL'));
  });
  if (!kept) checkColumns(stored, table);
  const files = stored.files.map((file) => ({ ...file, columns: file.columns ?? stored.columns }));
  const tables = manifest.tables.map((each) => (each === stored ? { ...each, columns, files } : each));
  return next(manifest, tables, manifest.positions, now);
}

/** The manifest after a table's files were merged or dropped. */
export function withFiles(manifest: Manifest, name: string, files: ManifestFile[], now: number): Manifest {
  const tables = manifest.tables.map((table) => (table.name === name ? { ...table, files } : table));
  return next(manifest, tables, manifest.positions, now);
}

/** The manifest without the retired files that no reader needs any more, and those files. */
export function withoutExpired(manifest: Manifest, retiredBefore: number): readonly [Manifest, readonly string[]] {
  const retired = manifest.retired.filter(({ at }) => at > retiredBefore);
  const expired = manifest.retired.filter(({ at }) => at <= retiredBefore);
  return [{ ...manifest, retired }, expired.map(({ path }) => path)];
}

/** Error OFFLINE_COLUMNS unless a table is declared as it is stored. */
export function checkColumns({ name, columns }: ManifestTable, { columns: given }: OfflineTable): void {
  const stored = columnsText(columns);
  const wanted = columnsText(Object.entries(given));
  if (stored !== wanted) throw fail('OFFLINE_COLUMNS', { table: name, stored, given: wanted });
}

function columnsText(columns: ManifestTable['columns']): string {
  return columns.map(([column, type]) => `${column} ${type}`).join(', ');
}

function next(manifest: Manifest, tables: ManifestTable[], positions: Manifest['positions'], now: number): Manifest {
  const live = new Set(tables.flatMap(({ files }) => files.map(({ path }) => path)));
  const gone = manifest.tables.flatMap(({ files }) => files.filter(({ path }) => !live.has(path)));
  return {
    ...manifest,
    sequence: manifest.sequence + 1,
    tables,
    positions,
    retired: [...manifest.retired, ...gone.map(({ path }) => ({ path, at: now }))],
  };
}
