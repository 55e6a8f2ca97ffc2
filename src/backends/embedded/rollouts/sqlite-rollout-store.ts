import { fail } from '../../../base/errors/fail.ts';
import type { Rollout, RolloutEvent, RolloutStore } from '../../../ports/rollout-store.ts';
import { SqliteFile, type SqliteFileKind, type SqliteFileOptions, type SqliteRow } from '../sqlite-file.ts';

const FORMAT = 1;

/** "HRro". */
const APPLICATION = 0x48_52_72_6f;

const TABLES = `
  CREATE TABLE rollouts (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, model TEXT NOT NULL, revision INTEGER NOT NULL,
    is_over INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE INDEX newest ON rollouts (model, place);
  CREATE UNIQUE INDEX one_active ON rollouts (model) WHERE is_over = 0;
  CREATE TABLE events (rollout TEXT NOT NULL REFERENCES rollouts (id), revision INTEGER NOT NULL, model TEXT NOT NULL,
    is_delivered INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (rollout, revision)) STRICT;
  CREATE INDEX undelivered ON events (model) WHERE is_delivered = 0;
  CREATE TABLE evidence (rollout TEXT NOT NULL REFERENCES rollouts (id), server TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (rollout, server)) STRICT;
`;

const kind: SqliteFileKind = {
  application: APPLICATION,
  format: FORMAT,
  tables: TABLES,
  codes: { file: 'ROLLOUT_FILE', format: 'ROLLOUT_FORMAT', write: 'ROLLOUT_WRITE', busy: 'ROLLOUT_BUSY' },
};

/**
 * Rollouts in one SQLite file; several processes may use it at once. An acknowledged change survives the process and the
 * machine's power (WAL, synchronous = FULL). Errors: ROLLOUT_FILE, ROLLOUT_FORMAT, ROLLOUT_WRITE, ROLLOUT_BUSY.
 */
export class SqliteRolloutStore implements RolloutStore {
  readonly #file: SqliteFile;

  constructor(path: string, options: SqliteFileOptions = {}) {
    this.#file = new SqliteFile(path, kind, options);
  }

  start(rollout: Rollout, event: RolloutEvent): void {
    const { id, model, revision } = rollout;
    this.#file.transaction(() => {
      const [row] = this.#file.all('SELECT body FROM rollouts WHERE model = ? AND is_over = 0', model);
      if (row !== undefined) {
        const active = parsed<Rollout>(row);
        throw fail('ROLLOUT_ACTIVE', { model, rollout: active.id, version: active.candidate });
      }
      const insert = 'INSERT INTO rollouts (id, model, revision, is_over, body) VALUES (?, ?, ?, ?, ?)';
      this.#file.run(insert, id, model, revision, isOver(rollout), JSON.stringify(rollout));
      this.#add(model, event);
    });
  }

  newest(model: string): Rollout | null {
    const [row] = this.#file.all('SELECT body FROM rollouts WHERE model = ? ORDER BY place DESC LIMIT 1', model);
    return row === undefined ? null : parsed(row);
  }

  list(model: string): readonly Rollout[] {
    return this.#file.all('SELECT body FROM rollouts WHERE model = ? ORDER BY place DESC', model).map(parsed<Rollout>);
  }

  change(next: Rollout, event: RolloutEvent): void {
    const { id, model, revision } = next;
    this.#file.transaction(() => {
      const [row] = this.#file.all('SELECT revision FROM rollouts WHERE id = ?', id);
      const found = Number(row?.['revision'] ?? 0);
      if (found !== revision - 1 || found === 0)
        throw fail('ROLLOUT_MOVED', { rollout: id, found, expected: revision - 1 });
      const update = 'UPDATE rollouts SET revision = ?, is_over = ?, body = ? WHERE id = ?';
      this.#file.run(update, revision, isOver(next), JSON.stringify(next), id);
      this.#add(model, event);
    });
  }

  events(rollout: string): readonly RolloutEvent[] {
    return this.#file
      .all('SELECT body FROM events WHERE rollout = ? ORDER BY revision', rollout)
      .map(parsed<RolloutEvent>);
  }

  undelivered(model: string): readonly RolloutEvent[] {
    const sql = `SELECT events.body AS body FROM events JOIN rollouts ON rollouts.id = events.rollout
      WHERE events.model = ? AND is_delivered = 0 ORDER BY place, events.revision`;
    return this.#file.all(sql, model).map(parsed<RolloutEvent>);
  }

  delivered(rollout: string, revision: number): void {
    this.#file.write(() =>
      this.#file.run('UPDATE events SET is_delivered = 1 WHERE rollout = ? AND revision = ?', rollout, revision),
    );
  }

  observe(rollout: string, server: string, evidence: unknown): void {
    const sql = `INSERT INTO evidence (rollout, server, body) VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET body = excluded.body`;
    this.#file.write(() => this.#file.run(sql, rollout, server, JSON.stringify(evidence)));
  }

  evidence(rollout: string): readonly unknown[] {
    return this.#file.all('SELECT body FROM evidence WHERE rollout = ? ORDER BY server', rollout).map(parsed<unknown>);
  }

  close(): void {
    this.#file.close();
  }

  #add(model: string, event: RolloutEvent): void {
    const sql = 'INSERT INTO events (rollout, revision, model, is_delivered, body) VALUES (?, ?, ?, 0, ?)';
    this.#file.run(sql, event.rollout, event.revision, model, JSON.stringify(event));
  }
}

function parsed<T>(row: SqliteRow): T {
  return JSON.parse(String(row['body'])) as T;
}

function isOver({ endedAt }: Rollout): number {
  return endedAt === null ? 0 : 1;
}
