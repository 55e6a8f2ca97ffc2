import type {
  AlertDelivery,
  AlertStore,
  DeliveryOutcome,
  Destination,
  KeptIncident,
  Settled,
  Silence,
  SinkCounts,
} from '../../../ports/alert-store.ts';
import type { Incident } from '../../../ports/incident.ts';
import { SqliteFile, type SqliteFileOptions, type SqliteRow } from '../sqlite-file.ts';
import { alertTables } from './alert-tables.ts';

/** Instants of accepted messages that are kept for rate limits, ms. */
const SENT_KEPT_MS = 31 * 86_400_000;

const DELIVERY = 'incident, sink, digest, wanted, accepted, tried, state, due, attempts, failing, error';

/**
 * Incidents and deliveries in one SQLite file; several processes may use it at once. An acknowledged change survives the
 * process and the machine's power. Errors: ALERT_FILE, ALERT_FORMAT, ALERT_WRITE, ALERT_BUSY.
 */
export class SqliteAlertStore implements AlertStore {
  readonly #database: SqliteFile;

  constructor(path: string, options: SqliteFileOptions = {}) {
    this.#database = new SqliteFile(path, alertTables, options);
  }

  change(
    fingerprint: string,
    edit: (found: KeptIncident | null) => Omit<KeptIncident, 'no'> | null,
    destinationsOf: (incident: Incident) => readonly Destination[],
    now: number,
  ): KeptIncident | null {
    return this.#database.transaction(() => {
      const [row] = this.#database.all(
        'SELECT no, body FROM incidents WHERE fingerprint = ? AND over = 0',
        fingerprint,
      );
      const found = row === undefined ? null : kept(row);
      const next = edit(found);
      if (next === null) return null;
      const changed = found === null ? this.#insert(next) : this.#replace({ ...next, no: found.no });
      // A change without a new revision is kept, and no message says so.
      if (found === null || changed.revision > found.revision) this.#want(changed, destinationsOf(changed), now);
      return changed;
    });
  }

  incident(no: number): KeptIncident | null {
    const [row] = this.#database.all('SELECT no, body FROM incidents WHERE no = ?', no);
    return row === undefined ? null : kept(row);
  }

  active(): readonly KeptIncident[] {
    return this.#database.all('SELECT no, body FROM incidents WHERE over = 0 ORDER BY no').map(kept);
  }

  newest(limit: number): readonly KeptIncident[] {
    return this.#database.all('SELECT no, body FROM incidents ORDER BY no DESC LIMIT ?', limit).map(kept);
  }

  due(sink: string, now: number): readonly AlertDelivery[] {
    const sql = `SELECT ${DELIVERY} FROM deliveries
      WHERE sink = ? AND due <= ? AND taken <= ? AND state IN ('waiting', 'repeating') ORDER BY incident`;
    return this.#database.all(sql, sink, now, now).map(delivery);
  }

  claim(deliveries: readonly AlertDelivery[], now: number, until: number): boolean {
    return this.#database.transaction(() => {
      const free = deliveries.every(({ incident, sink, wanted, state }) => {
        const sql = `SELECT 1 FROM deliveries WHERE incident = ? AND sink = ? AND wanted = ? AND state = ? AND taken <= ?`;
        return this.#database.all(sql, incident, sink, wanted, state, now).length === 1;
      });
      if (!free) return false;
      const take = `UPDATE deliveries SET taken = ?, tried = CASE WHEN tried = 0 THEN wanted ELSE tried END
        WHERE incident = ? AND sink = ?`;
      for (const { incident, sink } of deliveries) this.#database.run(take, until, incident, sink);
      return true;
    });
  }

  settle(results: readonly Settled[]): void {
    // A change that came during the attempt, or a second message of the same incident, is due at once.
    const more = `((?5 = 'dead' AND wanted > ?9) OR (?5 IN ('settled', 'repeating') AND wanted > ?1))`;
    const sql = `UPDATE deliveries SET accepted = ?1, taken = 0, attempts = ?2, failing = ?3, error = ?4,
      state = CASE WHEN ${more} THEN 'waiting' ELSE ?5 END, due = CASE WHEN ${more} THEN 0 ELSE ?6 END
      WHERE incident = ?7 AND sink = ?8`;
    this.#database.transaction(() => {
      for (const { accepted, attempts, failingSince, error, state, dueAt, incident, sink, wanted } of results)
        this.#database.run(sql, accepted, attempts, failingSince, error, state, dueAt, incident, sink, wanted);
    });
  }

  unsettled(): readonly AlertDelivery[] {
    const sql = `SELECT ${DELIVERY} FROM deliveries WHERE state IN ('waiting', 'dead') ORDER BY incident, sink`;
    return this.#database.all(sql).map(delivery);
  }

  deliveriesOf(incident: number): readonly AlertDelivery[] {
    return this.#database
      .all(`SELECT ${DELIVERY} FROM deliveries WHERE incident = ? ORDER BY sink`, incident)
      .map(delivery);
  }

  retry(sink: string | null, now: number): number {
    const sql = `UPDATE deliveries SET state = 'waiting', due = ?, attempts = 0, failing = NULL
      WHERE state = 'dead' AND (? IS NULL OR sink = ?)`;
    return this.#database.transaction(() => this.#database.run(sql, now, sink, sink));
  }

  silence(silence: Omit<Silence, 'id'>): Silence {
    return this.#database.transaction(() => {
      const id = this.#database.insert(
        'INSERT INTO silences (until, body) VALUES (?, ?)',
        silence.until,
        JSON.stringify(silence),
      );
      return { ...silence, id };
    });
  }

  silences(now: number): readonly Silence[] {
    return this.#database.all('SELECT id, until, body FROM silences WHERE until > ? ORDER BY id', now).map(silenceOf);
  }

  endSilence(id: number, now: number): boolean {
    const sql = 'UPDATE silences SET until = ? WHERE id = ? AND until > ?';
    return this.#database.transaction(() => this.#database.run(sql, now, id, now) === 1);
  }

  count(sink: string, outcome: DeliveryOutcome, at: number): void {
    const sql = `INSERT INTO counts (sink, outcome, count) VALUES (?, ?, 1)
      ON CONFLICT DO UPDATE SET count = count + 1`;
    this.#database.transaction(() => {
      this.#database.run(sql, sink, outcome);
      if (outcome !== 'accepted') return;
      this.#database.run('INSERT INTO sent (sink, at) VALUES (?, ?)', sink, at);
      this.#database.run('DELETE FROM sent WHERE at < ?', at - SENT_KEPT_MS);
    });
  }

  counts(): readonly SinkCounts[] {
    return this.#database.all('SELECT sink, outcome, count FROM counts ORDER BY sink, outcome').map((row) => ({
      sink: String(row['sink']),
      outcome: String(row['outcome']) as DeliveryOutcome,
      count: Number(row['count']),
    }));
  }

  sentSince(sink: string, since: number): readonly number[] {
    const rows = this.#database.all('SELECT at FROM sent WHERE sink = ? AND at > ? ORDER BY at', sink, since);
    return rows.map(({ at }) => Number(at));
  }

  prune(before: number): void {
    this.#database.transaction(() => {
      const old = 'SELECT no FROM incidents WHERE over > 0 AND over < ?';
      this.#database.run(`DELETE FROM deliveries WHERE state <> 'waiting' AND incident IN (${old})`, before);
      this.#database.run(
        `DELETE FROM incidents WHERE no IN (${old}) AND no NOT IN (SELECT incident FROM deliveries)`,
        before,
      );
      this.#database.run('DELETE FROM silences WHERE until < ?', before);
    });
  }

  close(): void {
    this.#database.close();
  }

  #insert(incident: Omit<KeptIncident, 'no'>): KeptIncident {
    const sql = 'INSERT INTO incidents (fingerprint, over, body) VALUES (?, ?, ?)';
    const no = this.#database.insert(sql, incident.fingerprint, overAt(incident), JSON.stringify(incident));
    return { ...incident, no };
  }

  #replace(incident: KeptIncident): KeptIncident {
    const sql = 'UPDATE incidents SET over = ?, body = ? WHERE no = ?';
    this.#database.run(sql, overAt(incident), JSON.stringify(incident), incident.no);
    return incident;
  }

  /** Every destination is to receive the newest revision. Sinks that know the incident already stay, wherever routes lead now. */
  #want({ no, revision }: KeptIncident, destinations: readonly Destination[], now: number): void {
    const insert = `INSERT OR IGNORE INTO deliveries (incident, sink, digest, wanted, accepted, tried, state, due, taken, attempts)
      VALUES (?, ?, ?, 0, 0, 0, 'waiting', ?, 0, 0)`;
    const urgent = 'UPDATE deliveries SET digest = 0, due = ? WHERE incident = ? AND sink = ? AND digest > 0';
    for (const { sink, digestMs } of destinations) {
      this.#database.run(insert, no, sink, digestMs, digestMs === 0 ? now : nextDigest(now, digestMs));
      // An incident that became urgent no longer waits for the digest.
      if (digestMs === 0) this.#database.run(urgent, now, no, sink);
    }
    this.#database.run(
      `UPDATE deliveries SET wanted = ?, due = CASE WHEN state = 'waiting' THEN due WHEN digest = 0 THEN ? ELSE (? / digest + 1) * digest END,
        attempts = CASE WHEN state = 'waiting' THEN attempts ELSE 0 END, state = 'waiting' WHERE incident = ?`,
      revision,
      now,
      now,
      no,
    );
  }
}

/** Digests end at whole multiples of their period since 1970 (UTC). */
function nextDigest(now: number, digestMs: number): number {
  return (Math.floor(now / digestMs) + 1) * digestMs;
}

function overAt({ resolution }: Pick<KeptIncident, 'resolution'>): number {
  return resolution === null ? 0 : Math.max(1, Math.floor(resolution.at));
}

function kept(row: SqliteRow): KeptIncident {
  return { ...(JSON.parse(String(row['body'])) as Omit<KeptIncident, 'no'>), no: Number(row['no']) };
}

function silenceOf(row: SqliteRow): Silence {
  const body = JSON.parse(String(row['body'])) as Omit<Silence, 'id'>;
  return { ...body, id: Number(row['id']), until: Number(row['until']) };
}

function delivery(row: SqliteRow): AlertDelivery {
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
