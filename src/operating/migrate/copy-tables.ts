import type { OfflineStore, OfflineTable, OfflineValue } from '../../ports/offline-store.ts';

/** The name under which copied rows are published. */
const WRITER = 'migration';

/** Rows that are published at once. */
const PUBLISHED_AT_ONCE = 100_000;

/** Tables that a migration recomputes from the events or the copies. */
const MADE_ANEW = [/^events\//, /^tiles\//, /\/prepared$/];

/** A table that was copied, and its rows. */
export interface CopiedTable {
  readonly name: string;
  readonly rows: number;
}

/**
 * Copies the tables of a history that do not follow from the events: logged vectors, predictions, generations of batch views,
 * rejected events. Each replaces the table of its name in the other history, so the copy can be repeated.
 */
export async function copyTables(from: OfflineStore, to: OfflineStore): Promise<readonly CopiedTable[]> {
  const copied: CopiedTable[] = [];
  for (const { table, rows } of from.tables()) {
    if (rows === 0 || MADE_ANEW.some((made) => made.test(table.name))) continue;
    copied.push({ name: table.name, rows: await copyTable(from, to, table) });
  }
  return copied;
}

async function copyTable(from: OfflineStore, to: OfflineStore, table: OfflineTable): Promise<number> {
  let copied = 0;
  let columns = emptyOf(table);
  const publish = async () => {
    const rows = columns[0].length;
    if (rows === 0) return;
    const mode = copied === 0 ? 'replace' : 'append';
    await to.publish({ writer: WRITER, position: {}, mode, tables: [{ table, rows, columns }] });
    copied += rows;
    columns = emptyOf(table);
  };
  await to.evolve(table);
  for await (const rows of from.query(`SELECT * FROM ${from.relation(table)} AS t`)) {
    for (const row of rows) for (let c = 0; c < columns.length; c += 1) columns[c].push(row[c]);
    if (columns[0].length >= PUBLISHED_AT_ONCE) await publish();
  }
  await publish();
  return copied;
}

function emptyOf({ columns }: OfflineTable): OfflineValue[][] {
  return Object.keys(columns).map(() => []);
}
