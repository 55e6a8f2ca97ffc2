import { fail } from '../base/errors/fail.ts';
import type { NewEntry, PlaybookEntry, PlaybookStore } from '../ports/playbook-store.ts';
import type { SqlDatabase, SqlDialect, SqlSchema } from '../ports/sql-database.ts';

const FORMAT = 1;

/** In PostgreSQL the tables share a schema with others; in SQLite they have their own file. */
function tableOf(dialect: SqlDialect['name']): string {
  return dialect === 'sqlite' ? 'entries' : 'playbook_entries';
}

/** The table of the journals. */
export const playbookSchema: SqlSchema = {
  format: FORMAT,
  create: (dialect) => [
    `CREATE TABLE ${tableOf(dialect)} (model TEXT NOT NULL, revision ${dialect === 'sqlite' ? 'INTEGER' : 'BIGINT'} NOT NULL,
      body TEXT NOT NULL, PRIMARY KEY (model, revision))${dialect === 'sqlite' ? ' STRICT, WITHOUT ROWID' : ''}`,
  ],
  upgrade: () => [],
};

/**
 * Journals of playbooks in a database, which any number of processes may use at once. An acknowledged entry survives the process.
 * Errors: those of the database.
 */
export class SqlPlaybookStore implements PlaybookStore {
  readonly #database: SqlDatabase;
  readonly #table: string;

  constructor(database: SqlDatabase) {
    this.#database = database;
    this.#table = tableOf(database.dialect.name);
  }

  async entries(model: string, after = 0): Promise<readonly PlaybookEntry[]> {
    const select = `SELECT body FROM ${this.#table} WHERE model = ? AND revision > ? ORDER BY revision`;
    const rows = await this.#database.read((sql) => sql.all(select, [model, after]));
    return rows.map((row) => JSON.parse(String(row['body'])) as PlaybookEntry);
  }

  append(model: string, expected: number, facts: readonly NewEntry[]): Promise<number> {
    const last = `SELECT MAX(revision) AS last FROM ${this.#table} WHERE model = ?`;
    const insert = `INSERT INTO ${this.#table} (model, revision, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`;
    return this.#database.write(async (sql) => {
      const [row] = await sql.all(last, [model]);
      const found = Number(row?.['last'] ?? 0);
      if (found !== expected) throw fail('PLAYBOOK_MOVED', { model, found, expected });
      for (const [i, fact] of facts.entries()) {
        const revision = expected + 1 + i;
        const added = await sql.run(insert, [model, revision, JSON.stringify({ ...fact, model, revision })]);
        // Another process appended meanwhile.
        if (added === 0) throw fail('PLAYBOOK_MOVED', { model, found: revision, expected });
      }
      return expected + facts.length;
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
}
