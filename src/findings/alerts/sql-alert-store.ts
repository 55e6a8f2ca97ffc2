import type {
  AlertDelivery,
  AlertStore,
  DeliveryOutcome,
  Destination,
  IncidentFilter,
  KeptIncident,
  Settled,
  Silence,
  SinkCounts,
} from '../../ports/alert-store.ts';
import type { Incident } from '../../ports/incident.ts';
import type { Sql, SqlDatabase, SqlDialect, SqlRow, SqlValue } from '../../ports/sql-database.ts';
import { alertTables, PENDING, UNSETTLED } from './alert-schema.ts';

/** Instants of accepted messages that are kept for rate limits, ms. */
const SENT_KEPT_MS = 31 * 86_400_000;

const DELIVERY = 'incident, sink, digest, wanted, accepted, tried, state, due, attempts, failing, error';

/** Ends a transaction without a change: another process was faster. */
const CONFLICT = Symbol('conflict');

/**
 * Incidents and deliveries in a database, which any number of processes may use at once. An acknowledged change survives the
 * process. Errors: those of the database.
 */
export class SqlAlertStore implements AlertStore {
  readonly #database: SqlDatabase;
  readonly #tables: ReturnType<typeof alertTables>;

  constructor(database: SqlDatabase) {
    this.#database = database;
    this.#tables = alertTables(database.dialect.name);
  }

  async change(
    fingerprint: string,
    edit: (found: KeptIncident | null) => Omit<KeptIncident, 'no'> | null,
    destinationsOf: (incident: Incident) => readonly Destination[],
    now: number,
  ): Promise<KeptIncident | null> {
    const select = `SELECT no, body FROM ${this.#tables.incidents} WHERE fingerprint = ? AND over = 0`;
    for (;;) {
      const done = await this.#tried(async (sql) => {
        const [row] = await sql.all(select, [fingerprint]);
        const found = row === undefined ? null : kept(row);
        const next = edit(found);
        if (next === null) return { changed: null };
        const changed =
          row === undefined ? await this.#insert(sql, { ...next, fingerprint }) : await this.#replace(sql, row, next);
        // A change without a new revision is kept, and no message says so.
        if (found === null || changed.revision > found.revision)
          await this.#want(sql, changed, destinationsOf(changed), now);
        return { changed };
      });
      if (done !== null) return done.changed;
    }
  }

  async incident(no: number): Promise<KeptIncident | null> {
    const [row] = await this.#all(`SELECT no, body FROM ${this.#tables.incidents} WHERE no = ?`, no);
    return row === undefined ? null : kept(row);
  }

  async active(): Promise<readonly KeptIncident[]> {
    const rows = await this.#all(`SELECT no, body FROM ${this.#tables.incidents} WHERE over = 0 ORDER BY no`);
    return rows.map(kept);
  }

  async newest(limit: number, filter: IncidentFilter = {}): Promise<readonly KeptIncident[]> {
    const { where, values } = conditionsOf(filter, this.#database.dialect);
    const select = `SELECT no, body FROM ${this.#tables.incidents} ${where} ORDER BY no DESC LIMIT ?`;
    return (await this.#all(select, ...values, limit)).map(kept);
  }

  async openCount(): Promise<number> {
    const [row] = await this.#all(`SELECT COUNT(*) AS open FROM ${this.#tables.incidents} WHERE over = 0`);
    return Number(row?.['open']);
  }

  async due(sink: string, now: number): Promise<readonly AlertDelivery[]> {
    const select = `SELECT ${DELIVERY} FROM ${this.#tables.deliveries}
      WHERE sink = ? AND due <= ? AND taken <= ? AND ${PENDING} ORDER BY incident`;
    return (await this.#all(select, sink, now, now)).map(delivery);
  }

  async claim(deliveries: readonly AlertDelivery[], now: number, until: number): Promise<boolean> {
    const take = `UPDATE ${this.#tables.deliveries} SET taken = ?, tried = CASE WHEN tried = 0 THEN wanted ELSE tried END
      WHERE incident = ? AND sink = ? AND wanted = ? AND state = ? AND taken <= ?`;
    const taken = await this.#tried(async (sql) => {
      for (const { incident, sink, wanted, state } of deliveries)
        if ((await sql.run(take, [until, incident, sink, wanted, state, now])) !== 1) throw CONFLICT;
      return true;
    });
    return taken ?? false;
  }

  async settle(results: readonly Settled[]): Promise<void> {
    const update = `UPDATE ${this.#tables.deliveries} SET accepted = ?, taken = 0, attempts = ?, failing = ?, error = ?,
      state = ?, due = ? WHERE incident = ? AND sink = ?`;
    // A change that came during the attempt, or a second message of the same incident, is due at once.
    const more = `UPDATE ${this.#tables.deliveries} SET state = 'waiting', due = 0 WHERE incident = ? AND sink = ? AND wanted > ?`;
    await this.#database.write(async (sql) => {
      for (const { accepted, attempts, failingSince, error, state, dueAt, incident, sink, wanted } of results) {
        await sql.run(update, [accepted, attempts, failingSince, error, state, dueAt, incident, sink]);
        if (state !== 'waiting') await sql.run(more, [incident, sink, state === 'dead' ? wanted : accepted]);
      }
    });
  }

  async unsettled(limit: number = Number.MAX_SAFE_INTEGER): Promise<readonly AlertDelivery[]> {
    const select = `SELECT ${DELIVERY} FROM ${this.#tables.deliveries} WHERE ${UNSETTLED} ORDER BY incident, sink LIMIT ?`;
    return (await this.#all(select, limit)).map(delivery);
  }

  async deliveriesOf(incident: number): Promise<readonly AlertDelivery[]> {
    const select = `SELECT ${DELIVERY} FROM ${this.#tables.deliveries} WHERE incident = ? ORDER BY sink`;
    return (await this.#all(select, incident)).map(delivery);
  }

  retry(sink: string | null, now: number): Promise<number> {
    const update = `UPDATE ${this.#tables.deliveries} SET state = 'waiting', due = ?, attempts = 0, failing = NULL WHERE state = 'dead'`;
    return this.#database.write((sql) =>
      sink === null ? sql.run(update, [now]) : sql.run(`${update} AND sink = ?`, [now, sink]),
    );
  }

  silence(silence: Omit<Silence, 'id'>): Promise<Silence> {
    const insert = `INSERT INTO ${this.#tables.silences} (until, body) VALUES (?, ?) RETURNING id`;
    return this.#database.write(async (sql) => {
      const [row] = await sql.all(insert, [silence.until, JSON.stringify(silence)]);
      return { ...silence, id: Number(row?.['id']) };
    });
  }

  async silences(now: number): Promise<readonly Silence[]> {
    const select = `SELECT id, until, body FROM ${this.#tables.silences} WHERE until > ? ORDER BY id`;
    return (await this.#all(select, now)).map(silenceOf);
  }

  async endSilence(id: number, now: number): Promise<boolean> {
    const update = `UPDATE ${this.#tables.silences} SET until = ? WHERE id = ? AND until > ?`;
    return (await this.#database.write((sql) => sql.run(update, [now, id, now]))) === 1;
  }

  async count(sink: string, outcome: DeliveryOutcome, at: number): Promise<void> {
    const { counts, sent } = this.#tables;
    const add = `INSERT INTO ${counts} (sink, outcome, count) VALUES (?, ?, 1)
      ON CONFLICT (sink, outcome) DO UPDATE SET count = ${counts}.count + 1`;
    await this.#database.write(async (sql) => {
      await sql.run(add, [sink, outcome]);
      if (outcome !== 'accepted') return;
      await sql.run(`INSERT INTO ${sent} (sink, at) VALUES (?, ?)`, [sink, at]);
      await sql.run(`DELETE FROM ${sent} WHERE at < ?`, [at - SENT_KEPT_MS]);
    });
  }

  async counts(): Promise<readonly SinkCounts[]> {
    const rows = await this.#all(`SELECT sink, outcome, count FROM ${this.#tables.counts} ORDER BY sink, outcome`);
    return rows.map((row) => ({
      sink: String(row['sink']),
      outcome: String(row['outcome']) as DeliveryOutcome,
      count: Number(row['count']),
    }));
  }

  async sentSince(sink: string, since: number): Promise<readonly number[]> {
    const select = `SELECT at FROM ${this.#tables.sent} WHERE sink = ? AND at > ? ORDER BY at`;
    return (await this.#all(select, sink, since)).map(({ at }) => Number(at));
  }

  async prune(before: number): Promise<void> {
    const { incidents, deliveries, silences } = this.#tables;
    const old = `SELECT no FROM ${incidents} WHERE over > 0 AND over < ?`;
    const sent = `DELETE FROM ${deliveries} WHERE state <> 'waiting' AND incident IN (${old})`;
    const over = `DELETE FROM ${incidents} WHERE no IN (${old}) AND no NOT IN (SELECT incident FROM ${deliveries})`;
    await this.#database.write(async (sql) => {
      await sql.run(sent, [before]);
      await sql.run(over, [before]);
      await sql.run(`DELETE FROM ${silences} WHERE until < ?`, [before]);
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  /** One transaction; null: another process was faster, and nothing changed. */
  async #tried<T>(work: (sql: Sql) => Promise<T>): Promise<T | null> {
    try {
      return await this.#database.write(work);
    } catch (error) {
      if (error === CONFLICT) return null;
      throw error;
    }
  }

  #all(statement: string, ...values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#database.read((sql) => sql.all(statement, values));
  }

  async #insert(sql: Sql, incident: Omit<KeptIncident, 'no'>): Promise<KeptIncident> {
    const insert = `INSERT INTO ${this.#tables.incidents} (fingerprint, over, model, kind, body)
      VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING no`;
    const { fingerprint, model, kind } = incident;
    const [row] = await sql.all(insert, [fingerprint, overAt(incident), model, kind, JSON.stringify(incident)]);
    if (row === undefined) throw CONFLICT;
    return { ...incident, no: Number(row['no']) };
  }

  async #replace(sql: Sql, { no, body }: SqlRow, incident: Omit<KeptIncident, 'no'>): Promise<KeptIncident> {
    const update = `UPDATE ${this.#tables.incidents} SET over = ?, body = ? WHERE no = ? AND body = ? AND over = 0`;
    const next = { ...incident, no: Number(no) };
    if ((await sql.run(update, [overAt(next), JSON.stringify(next), Number(no), String(body)])) !== 1) throw CONFLICT;
    return next;
  }

  /** Every destination is to receive the newest revision. Sinks that know the incident already stay, wherever routes lead now. */
  async #want(
    sql: Sql,
    { no, revision }: KeptIncident,
    destinations: readonly Destination[],
    now: number,
  ): Promise<void> {
    const { deliveries } = this.#tables;
    const insert = `INSERT INTO ${deliveries} (incident, sink, digest, wanted, accepted, tried, state, due, taken, attempts)
      VALUES (?, ?, ?, 0, 0, 0, 'waiting', ?, 0, 0) ON CONFLICT DO NOTHING`;
    const urgent = `UPDATE ${deliveries} SET digest = 0, due = ? WHERE incident = ? AND sink = ? AND digest > 0`;
    for (const { sink, digestMs } of destinations) {
      await sql.run(insert, [no, sink, digestMs, digestMs === 0 ? now : nextDigest(now, digestMs)]);
      // An incident that became urgent no longer waits for the digest.
      if (digestMs === 0) await sql.run(urgent, [now, no, sink]);
    }
    const want = `UPDATE ${deliveries} SET wanted = ?,
      due = CASE WHEN state = 'waiting' THEN due WHEN digest = 0 THEN ? ELSE (? / digest + 1) * digest END,
      attempts = CASE WHEN state = 'waiting' THEN attempts ELSE 0 END, state = 'waiting' WHERE incident = ?`;
    await sql.run(want, [revision, now, now, no]);
  }
}

/** Rows are read in the order of their numbers until the page is full: an index of another order would sort all of them. */
function conditionsOf({ model, kind, isOpen, before }: IncidentFilter, { withoutIndex }: SqlDialect) {
  const over = isOpen === undefined ? [] : [isOpen ? 'over = 0' : `${withoutIndex('over')} > 0`];
  // Few are open: they have their own index.
  const column = (name: string) => (isOpen === true ? withoutIndex(name) : name);
  const wanted = Object.entries({ [column('model')]: model, [column('kind')]: kind }).filter(
    (one): one is [string, string] => one[1] !== undefined,
  );
  const conditions = [...over, ...wanted.map(([name]) => `${name} = ?`), ...(before === undefined ? [] : ['no < ?'])];
  return {
    where: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`,
    values: [...wanted.map(([, value]) => value), ...(before === undefined ? [] : [before])],
  };
}

/** Digests end at whole multiples of their period since 1970 (UTC). */
function nextDigest(now: number, digestMs: number): number {
  return (Math.floor(now / digestMs) + 1) * digestMs;
}

function overAt({ resolution }: Pick<KeptIncident, 'resolution'>): number {
  return resolution === null ? 0 : Math.max(1, Math.floor(resolution.at));
}

function kept(row: SqlRow): KeptIncident {
  return { ...(JSON.parse(String(row['body'])) as Omit<KeptIncident, 'no'>), no: Number(row['no']) };
}

function silenceOf(row: SqlRow): Silence {
  const body = JSON.parse(String(row['body'])) as Omit<Silence, 'id'>;
  return { ...body, id: Number(row['id']), until: Number(row['until']) };
}

function delivery(row: SqlRow): AlertDelivery {
  const { incident, sink, digest, wanted, accepted, tried, state, due, attempts, failing, error } = row;
  return {
    incident: Number(incident),
    sink: String(sink),
    digestMs: Number(digest),
    wanted: Number(wanted),
    accepted: Number(accepted),
    tried: Number(tried),
    state: String(state) as AlertDelivery['state'],
    dueAt: Number(due),
    attempts: Number(attempts),
    failingSince: failing === null ? null : Number(failing),
    error: error === null ? null : String(error),
  };
}
