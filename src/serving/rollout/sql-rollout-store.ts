import { fail } from '../../base/errors/fail.ts';
import type { Rollout, RolloutEvent, RolloutStore } from '../../ports/rollout-store.ts';
import type { Sql, SqlDatabase, SqlDialect, SqlRow, SqlSchema } from '../../ports/sql-database.ts';

const FORMAT = 1;

/** In PostgreSQL the tables share a schema with others; in SQLite they have their own file. */
function tablesOf(dialect: SqlDialect['name']) {
  const prefix = dialect === 'sqlite' ? '' : 'rollout_';
  return { rollouts: 'rollouts', events: `${prefix}events`, evidence: `${prefix}evidence` } as const;
}

/** Tables of the rollouts. */
export const rolloutSchema: SqlSchema = {
  format: FORMAT,
  create: (dialect) => {
    const { rollouts, events, evidence } = tablesOf(dialect);
    const isLite = dialect === 'sqlite';
    const [whole, place, end] = isLite
      ? ['INTEGER', 'INTEGER PRIMARY KEY', ' STRICT']
      : ['BIGINT', 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY', ''];
    return [
      `CREATE TABLE ${rollouts} (place ${place}, id TEXT NOT NULL UNIQUE, model TEXT NOT NULL, revision ${whole} NOT NULL,
        is_over ${whole} NOT NULL, body TEXT NOT NULL)${end}`,
      `CREATE INDEX rollouts_newest ON ${rollouts} (model, place)`,
      `CREATE UNIQUE INDEX rollouts_one_active ON ${rollouts} (model) WHERE is_over = 0`,
      `CREATE TABLE ${events} (rollout TEXT NOT NULL REFERENCES ${rollouts} (id), revision ${whole} NOT NULL,
        model TEXT NOT NULL, is_delivered ${whole} NOT NULL, body TEXT NOT NULL, PRIMARY KEY (rollout, revision))${end}`,
      `CREATE INDEX rollout_events_undelivered ON ${events} (model) WHERE is_delivered = 0`,
      `CREATE TABLE ${evidence} (rollout TEXT NOT NULL REFERENCES ${rollouts} (id), server TEXT NOT NULL,
        body TEXT NOT NULL, PRIMARY KEY (rollout, server))${end}`,
    ];
  },
  upgrade: () => [],
};

/**
 * Rollouts in a database that the processes of one machine or of several share. Each change is one transaction; an index keeps a model
 * from having two rollouts under way, whoever starts them. Errors: those of the database.
 */
export class SqlRolloutStore implements RolloutStore {
  readonly #database: SqlDatabase;
  readonly #events: string;
  readonly #evidence: string;

  constructor(database: SqlDatabase) {
    this.#database = database;
    const { events, evidence } = tablesOf(database.dialect.name);
    this.#events = events;
    this.#evidence = evidence;
  }

  start(rollout: Rollout, event: RolloutEvent): Promise<void> {
    const { id, model, revision } = rollout;
    return this.#database.write(async (sql) => {
      const insert = `INSERT INTO rollouts (id, model, revision, is_over, body) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO NOTHING`;
      const started = await sql.run(insert, [id, model, revision, isOver(rollout), JSON.stringify(rollout)]);
      if (started === 1) return this.#add(sql, model, event);
      const [row] = await sql.all('SELECT body FROM rollouts WHERE model = ? AND is_over = 0', [model]);
      const active = row === undefined ? rollout : parsed<Rollout>(row);
      throw fail('ROLLOUT_ACTIVE', { model, rollout: active.id, version: active.candidate });
    });
  }

  async newest(model: string): Promise<Rollout | null> {
    const [row] = await this.#all('SELECT body FROM rollouts WHERE model = ? ORDER BY place DESC LIMIT 1', [model]);
    return row === undefined ? null : parsed(row);
  }

  async underWay(): Promise<readonly Rollout[]> {
    return (await this.#all('SELECT body FROM rollouts WHERE is_over = 0 ORDER BY place', [])).map(parsed<Rollout>);
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
      if (changed === 1) return this.#add(sql, model, event);
      const [row] = await sql.all('SELECT revision FROM rollouts WHERE id = ?', [id]);
      throw fail('ROLLOUT_MOVED', { rollout: id, found: Number(row?.['revision'] ?? 0), expected: revision - 1 });
    });
  }

  async events(rollout: string): Promise<readonly RolloutEvent[]> {
    const rows = await this.#all(`SELECT body FROM ${this.#events} WHERE rollout = ? ORDER BY revision`, [rollout]);
    return rows.map(parsed<RolloutEvent>);
  }

  async undelivered(model: string): Promise<readonly RolloutEvent[]> {
    const sql = `SELECT e.body AS body FROM ${this.#events} e JOIN rollouts ON rollouts.id = e.rollout
      WHERE e.model = ? AND is_delivered = 0 ORDER BY place, e.revision`;
    return (await this.#all(sql, [model])).map(parsed<RolloutEvent>);
  }

  async delivered(rollout: string, revision: number): Promise<void> {
    const update = `UPDATE ${this.#events} SET is_delivered = 1 WHERE rollout = ? AND revision = ?`;
    await this.#database.write((sql) => sql.run(update, [rollout, revision]));
  }

  async observe(rollout: string, server: string, evidence: unknown): Promise<void> {
    const insert = `INSERT INTO ${this.#evidence} (rollout, server, body) VALUES (?, ?, ?)
      ON CONFLICT (rollout, server) DO UPDATE SET body = excluded.body`;
    await this.#database.write((sql) => sql.run(insert, [rollout, server, JSON.stringify(evidence)]));
  }

  async evidence(rollout: string): Promise<readonly unknown[]> {
    const rows = await this.#all(`SELECT body FROM ${this.#evidence} WHERE rollout = ? ORDER BY server`, [rollout]);
    return rows.map(parsed<unknown>);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  async #add(sql: Sql, model: string, event: RolloutEvent): Promise<void> {
    const insert = `INSERT INTO ${this.#events} (rollout, revision, model, is_delivered, body) VALUES (?, ?, ?, 0, ?)`;
    await sql.run(insert, [event.rollout, event.revision, model, JSON.stringify(event)]);
  }

  #all(statement: string, values: readonly string[]): Promise<readonly SqlRow[]> {
    return this.#database.read((sql) => sql.all(statement, values));
  }
}

function parsed<T>(row: SqlRow): T {
  return JSON.parse(String(row['body'])) as T;
}

function isOver({ endedAt }: Rollout): number {
  return endedAt === null ? 0 : 1;
}
