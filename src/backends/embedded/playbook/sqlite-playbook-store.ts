import { fail } from '../../../base/errors/fail.ts';
import type { NewEntry, PlaybookEntry, PlaybookStore } from '../../../ports/playbook-store.ts';
import { SqliteFile, type SqliteFileKind, type SqliteFileOptions } from '../sqlite-file.ts';

const FORMAT = 1;

/** "HRpb". */
const APPLICATION = 0x48_52_70_62;

const kind: SqliteFileKind = {
  application: APPLICATION,
  format: FORMAT,
  tables: `
    CREATE TABLE entries (model TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL,
      PRIMARY KEY (model, revision)) STRICT, WITHOUT ROWID`,
  codes: { file: 'PLAYBOOK_FILE', format: 'PLAYBOOK_FORMAT', write: 'PLAYBOOK_WRITE', busy: 'PLAYBOOK_BUSY' },
};

/**
 * Journals of playbooks in one SQLite file; several processes may use it at once. An acknowledged entry survives the process
 * and the machine's power (WAL, synchronous = FULL). Errors: PLAYBOOK_FILE, PLAYBOOK_FORMAT, PLAYBOOK_WRITE, PLAYBOOK_BUSY.
 */
export class SqlitePlaybookStore implements PlaybookStore {
  readonly #file: SqliteFile;

  constructor(path: string, options: SqliteFileOptions = {}) {
    this.#file = new SqliteFile(path, kind, options);
  }

  entries(model: string, after = 0): readonly PlaybookEntry[] {
    const sql = 'SELECT body FROM entries WHERE model = ? AND revision > ? ORDER BY revision';
    return this.#file.all(sql, model, after).map((row) => JSON.parse(String(row['body'])) as PlaybookEntry);
  }

  append(model: string, expected: number, facts: readonly NewEntry[]): number {
    return this.#file.transaction(() => {
      const [row] = this.#file.all('SELECT MAX(revision) AS last FROM entries WHERE model = ?', model);
      const found = Number(row?.['last'] ?? 0);
      if (found !== expected) throw fail('PLAYBOOK_MOVED', { model, found, expected });
      for (const [i, fact] of facts.entries()) {
        const revision = expected + 1 + i;
        const body = JSON.stringify({ ...fact, model, revision });
        this.#file.run('INSERT INTO entries (model, revision, body) VALUES (?, ?, ?)', model, revision, body);
      }
      return expected + facts.length;
    });
  }

  close(): void {
    this.#file.close();
  }
}
