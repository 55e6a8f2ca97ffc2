import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { CATEGORIES } from './generator.ts';

export interface PastOptions {
  readonly users: number;
  readonly items: number;
  /** Where the past ends, epoch ms. */
  readonly until: number;
  /** Where the files are written. */
  readonly folder: string;
}

/** The files of a past, as words of `headrace ingest`. */
export interface Past {
  readonly words: readonly string[];
  readonly events: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const PAST_MS = 30 * DAY_MS;
/** This share of the sessions is of the last hour. */
const RECENT_SHARE = 0.02;
const CLICK_GAP_MS = 8_000;
const BUY_SHARE = 0.3;

/** The session in which a user was there before. */
export function pastSession(user: number): string {
  return `v${user}`;
}

/**
 * Writes thirty days of a shop that every one of its users has visited once, as a warehouse would export them: two Parquet files, of one
 * to three clicks a user, and of purchases of about a third of the users. The same options give the same rows.
 */
export async function writePast({ users, items, until, folder }: PastOptions): Promise<Past> {
  mkdirSync(folder, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '1GiB', temp_directory: folder });
  const connection = await instance.connect();
  const write = async (name: string, sql: string) => {
    const path = join(folder, `${name}.parquet`);
    const result = await connection.run(`COPY (${sql}) TO '${path.replaceAll("'", "''")}' (FORMAT PARQUET)`);
    const [[rows]] = await result.getRows();
    return { word: `${name}=${path}`, rows: Number(rows) };
  };
  // Uniform in [0, 1), by user and purpose.
  const drawn = (what: string) => `((hash(u, '${what}') % 1000000) / 1e6)`;
  // By Zipf's law, about: ranks are as likely as their logarithms are dense. The last item comes later.
  const rank = `((hash(u, n, 'item') % 1000000) / 1e6)`;
  const item = `CAST(least(floor(exp(${rank} * ln(${items}))) - 1, ${items - 2}) AS BIGINT)`;
  const began = `CAST(${until} - 120000 - CASE WHEN ${drawn('recent')} < ${RECENT_SHARE}
    THEN ${drawn('hour')} * ${HOUR_MS} ELSE ${HOUR_MS} + ${drawn('day')} * ${PAST_MS - 2 * HOUR_MS} END AS BIGINT)`;
  const visits = `SELECT u, n, ${began} + n * ${CLICK_GAP_MS} AS "at", ${item} AS i
    FROM range(${users}) AS users(u), range(3) AS clicks(n) WHERE n < 1 + hash(u, 'clicks') % 3`;
  const common = `'u' || u AS "user", 'i' || i AS item, 'k' || (i % ${CATEGORIES}) AS category,
    CAST(exp(2 + 3 * ((i * 0.618034) % 1)) AS DECIMAL(18, 2)) AS price`;
  try {
    const clicks = await write(
      'clicks',
      `SELECT 'h' || u || '-' || n AS id, "at", 'v' || u AS session, ${common} FROM (${visits})`,
    );
    const purchases = await write(
      'purchases',
      `SELECT 'b' || u AS id, "at" + 20000 AS "at", 1 AS quantity, price AS amount, * EXCLUDE (u, i, n, "at")
       FROM (SELECT *, ${common} FROM (${visits}) WHERE n = 0 AND ${drawn('buys')} < ${BUY_SHARE})`,
    );
    return { words: [clicks.word, purchases.word], events: clicks.rows + purchases.rows };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
