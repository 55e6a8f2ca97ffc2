import { fail } from '../../base/errors/fail.ts';
import type { Rollout, RolloutEvent, RolloutStore } from '../../ports/rollout-store.ts';
import type { Sql, SqlDatabase, SqlDialect, SqlRow, SqlSchema } from '../../ports/sql-database.ts';

/** Tables of the rollouts, in a schema that other tables may share. */
export const rolloutSchema: SqlSchema = {
  format: 1,
  create: (dialect) => [
    `CREATE TABLE rollouts (place ${placeType(dialect)}, id TEXT NOT NULL UNIQUE, model TEXT NOT NULL,
      revision BIGINT NOT NULL, is_over BIGINT NOT NULL, body TEXT NOT NULL)`,
    'CREATE INDEX rollouts_newest ON rollouts (model, place)',
    'CREATE UNIQUE INDEX rollouts_one_active ON rollouts (model) WHERE is_over = 0',
    `CREATE TABLE rollout_events (rollout TEXT NOT NULL REFERENCES rollouts (id), revision BIGINT NOT NULL,
      model TEXT NOT NULL, is_delivered BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (rollout, revision))`,
    'CREATE INDEX rollout_events_undelivered ON rollout_events (model) WHERE is_delivered = 0',
    `CREATE TABLE rollout_evidence (rollout TEXT NOT NULL REFERENCES rollouts (id), server TEXT NOT NULL,
      body TEXT NOT NULL, PRIMARY KEY (rollout, server))`,
  ],
  upgrade: () => [],
};

function placeType(dialect: SqlDialect['name']): string {
  return dialect === 'sqlite' ? 'INTEGER PRIMARY KEY' : 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY';
}

/**
 * Rollouts in a database that the servers of several machines share. Each change is one transaction; an index keeps a model
 * from having two rollouts under way, whoever starts them. Errors: those of the database.
 */
export class SqlRolloutStore implements RolloutStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  start(rollout: Rollout, event: RolloutEvent): Promise<void> {
    const { id, model, revision } = rollout;
    return this.#database.write(async (sql) => {
      const insert = `INSERT INTO rollouts (id, model, revision, is_over, body) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO NOTHING`;
      const started = await sql.run(insert, [id, model, revision, isOver(rollout), JSON.stringify(rollout)]);
      if (started === 1) return add(sql, model, event);
      const [row] = await sql.all('SELECT body FROM rollouts WHERE model = ? AND is_over = 0', [model]);
      const active = row === undefined ? rollout : parsed<Rollout>(row);
      throw fail('ROLLOUT_ACTIVE', { model, rollout: active.id, version: active.candidate });
    });
  }

  async newest(model: string): Promise<Rollout | null> {
    const [row] = await this.#all('SELECT body FROM rollouts WHERE model = ? ORDER BY place DESC LIMIT 1', [model]);
    return row === undefined ? null : parsed(row);
  }

  async list(model: string): Promise<readonly Rollout[]> {
    return (await this.#all('SELECT body FROM rollouts WHERE model = ? ORDER BY place DESC', [model])).map(
      parsed<Rollout>,
    );
  }

  change(next: Rollout, event: RolloutEvent): Promise<void> {
    const { id, model, revision } = next;
    return this.#database.write(async (sql) => {
      const update = 'UPDATE rollouts SET revision = ?, is_over = ?, body = ? WHERE id = ? AND revision = ?';
      const changed = await sql.run(update, [revision, isOver(next), JSON.stringify(next), id, revision - 1]);
      if (changed === 1) return add(sql, model, event);
      const [row] = await sql.all('SELECT revision FROM rollouts WHERE id = ?', [id]);
      throw fail('ROLLOUT_MOVED', { rollout: id, found: Number(row?.['revision'] ?? 0), expected: revision - 1 });
    });
  }

  async events(rollout: string): Promise<readonly RolloutEvent[]> {
    const rows = await this.#all('SELECT body FROM rollout_events WHERE rollout = ? ORDER BY revision', [rollout]);
    return rows.map(parsed<RolloutEvent>);
  }

  async undelivered(model: string): Promise<readonly RolloutEvent[]> {
    const sql = `SELECT rollout_events.body AS body FROM rollout_events
      JOIN rollouts ON rollouts.id = rollout_events.rollout
      WHERE rollout_events.model = ? AND is_delivered = 0 ORDER BY place, rollout_events.revision`;
    return (await this.#all(sql, [model])).map(parsed<RolloutEvent>);
  }

  async delivered(rollout: string, revision: number): Promise<void> {
    const update = 'UPDATE rollout_events SET is_delivered = 1 WHERE rollout = ? AND revision = ?';
    await this.#database.write((sql) => sql.run(update, [rollout, revision]));
  }

  async observe(rollout: string, server: string, evidence: unknown): Promise<void> {
    const insert = `INSERT INTO rollout_evidence (rollout, server, body) VALUES (?, ?, ?)
      ON CONFLICT (rollout, server) DO UPDATE SET body = excluded.body`;
    await this.#database.write((sql) => sql.run(insert, [rollout, server, JSON.stringify(evidence)]));
  }

  async evidence(rollout: string): Promise<readonly unknown[]> {
    const rows = await this.#all('SELECT body FROM rollout_evidence WHERE rollout = ? ORDER BY server', [rollout]);
    return rows.map(parsed<unknown>);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #all(statement: string, values: readonly string[]): Promise<readonly SqlRow[]> {
    return this.#database.read((sql) => sql.all(statement, values));
  }
}

async function add(sql: Sql, model: string, event: RolloutEvent): Promise<void> {
  const insert = 'INSERT INTO rollout_events (rollout, revision, model, is_delivered, body) VALUES (?, ?, ?, 0, ?)';
  await sql.run(insert, [event.rollout, event.revision, model, JSON.stringify(event)]);
}

function parsed<T>(row: SqlRow): T {
  return JSON.parse(String(row['body'])) as T;
}

function isOver({ endedAt }: Rollout): number {
  return endedAt === null ? 0 : 1;
}
