import { randomUUID } from 'node:crypto';
import type { MonitorLease, MonitorStore } from '../ports/monitor-store.ts';
import type { SqlDatabase, SqlSchema } from '../ports/sql-database.ts';

/** Tables of the lease and of the newest judgement. `beat` counts the signs of life of the holder. */
export const monitorSchema: SqlSchema = {
  format: 1,
  create: () => [
    'CREATE TABLE monitor_lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, beat BIGINT NOT NULL)',
    'CREATE TABLE monitor_state (name TEXT PRIMARY KEY, body TEXT NOT NULL)',
  ],
  upgrade: () => [],
};

/** A holder without a sign of life for this long is dead, ms. It gives one every `KEEP_MS`. */
const DEAD_MS = 15_000;

/** A holder that could not give a sign of life for this long acts as if it had lost the lease, ms: before another takes it. */
export const HELD_MS = 10_000;

/** How often a holder gives a sign of life, ms. */
export const KEEP_MS = 2_000;

const NAME = 'monitor';

interface SeenLease {
  readonly holder: string;
  readonly beat: number;
  /** On the monotonic clock of this process, ms. */
  readonly since: number;
}

/**
 * The lease and the state of a monitor in a database that hosts share. A process that waits watches the beats of the holder on its
 * own monotonic clock: no wall clock is compared. Errors: those of the database.
 */
export class SqlMonitorStore implements MonitorStore {
  readonly #database: SqlDatabase;
  readonly #monotonic: () => number;
  #seen: SeenLease | null = null;

  constructor(database: SqlDatabase, monotonic: () => number = () => performance.now()) {
    this.#database = database;
    this.#monotonic = monotonic;
  }

  async lease(): Promise<MonitorLease | null> {
    const holder = randomUUID();
    const beat = await this.#database.write(async (sql) => {
      const insert = 'INSERT INTO monitor_lease (name, holder, beat) VALUES (?, ?, 1) ON CONFLICT DO NOTHING';
      if ((await sql.run(insert, [NAME, holder])) === 1) return 1;
      const [row] = await sql.all('SELECT holder, beat FROM monitor_lease WHERE name = ?', [NAME]);
      // Released meanwhile: the next try takes it.
      if (row === undefined || !this.#isDead(String(row['holder']), Number(row['beat']))) return null;
      const next = Number(row['beat']) + 1;
      const take = 'UPDATE monitor_lease SET holder = ?, beat = ? WHERE name = ? AND holder = ? AND beat = ?';
      const taken = await sql.run(take, [holder, next, NAME, String(row['holder']), Number(row['beat'])]);
      return taken === 1 ? next : null;
    });
    if (beat === null) return null;
    return {
      keep: () => this.#keep(holder),
      release: async () => {
        const remove = 'DELETE FROM monitor_lease WHERE name = ? AND holder = ?';
        await this.#database.write((sql) => sql.run(remove, [NAME, holder]));
      },
    };
  }

  async write(state: string): Promise<void> {
    const replace = `INSERT INTO monitor_state (name, body) VALUES (?, ?)
      ON CONFLICT (name) DO UPDATE SET body = excluded.body`;
    await this.#database.write((sql) => sql.run(replace, [NAME, state]));
  }

  async read(): Promise<string | null> {
    const [row] = await this.#database.read((sql) => sql.all('SELECT body FROM monitor_state WHERE name = ?', [NAME]));
    return row === undefined ? null : String(row['body']);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  async #keep(holder: string): Promise<boolean> {
    const update = 'UPDATE monitor_lease SET beat = beat + 1 WHERE name = ? AND holder = ?';
    return (await this.#database.write((sql) => sql.run(update, [NAME, holder]))) === 1;
  }

  /** Whether the same beat was seen for too long. */
  #isDead(holder: string, beat: number): boolean {
    const now = this.#monotonic();
    if (this.#seen?.holder !== holder || this.#seen.beat !== beat) {
      this.#seen = { holder, beat, since: now };
      return false;
    }
    return now - this.#seen.since >= DEAD_MS;
  }
}
