import { DuckDBInstance } from '@duckdb/node-api';
import { flightsFile } from './flights.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const START = Date.UTC(2001, 0, 1);

export const ALL_FLIGHTS = 3_000_000;

/** A part of the data set, and how it is replayed. */
export interface Part {
  /** SQL text of its flights, in order of their scheduled times. */
  readonly relation: string;
  readonly flights: number;
  /** How people read it. */
  readonly text: string;
  readonly from: number;
  /** End of the rows that the first version is trained by, and the first instant of live predictions. */
  readonly trainedTo: number;
  readonly liveFrom: number;
  /** What happens within this time is one step. */
  readonly stepMs: number;
  /** Share of the half year. */
  readonly share: number;
}

/** The first flights of the half year, minute by minute. January trains, the rest is live; a short run trains on its first half. */
export function firstFlights(limit: number): Part {
  const share = limit / ALL_FLIGHTS;
  const days = share > 0.3 ? 31 : Math.max(1, Math.floor(share * 90));
  const liveFrom = START + days * DAY_MS;
  return {
    relation: `(FROM read_parquet('${flightsFile()}') LIMIT ${limit})`,
    flights: limit,
    text: `${limit.toLocaleString('en')} flights from 2001-01-01`,
    from: START,
    trainedTo: liveFrom,
    liveFrom,
    stepMs: MINUTE_MS,
    share,
  };
}

const HUBS = ['ORD', 'DFW'] as const;
const FROM = Date.UTC(2001, 0, 20);
const TRAINED_TO = Date.UTC(2001, 0, 28);
const LIVE_FROM = Date.UTC(2001, 1, 2);
const TO = Date.UTC(2001, 1, 6, 12);

/**
 * Seventeen and a half days of the two busiest airports, ten minutes a step. The first model knows eight days. The flights of a route since the begin
 * are one of its features: their count leaves the range that the model has seen, and from 4 February on its loss is far higher.
 */
export async function stormDays(): Promise<Part> {
  const span = `epoch_ms(date) >= ${FROM} AND epoch_ms(date) < ${TO}`;
  const hubs = HUBS.map((hub) => `'${hub}'`).join(', ');
  const relation = `(FROM read_parquet('${flightsFile()}') WHERE ${span} AND origin IN (${hubs}) ORDER BY date)`;
  const flights = await countOf(relation);
  const text = `${flights.toLocaleString('en')} flights from ${HUBS.join(' and ')}, 2001-01-20 to 2001-02-06`;
  return {
    relation,
    flights,
    text,
    from: FROM,
    trainedTo: TRAINED_TO,
    liveFrom: LIVE_FROM,
    stepMs: 10 * MINUTE_MS,
    share: flights / ALL_FLIGHTS,
  };
}

async function countOf(relation: string): Promise<number> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const result = await connection.runAndReadAll(`SELECT COUNT(*) FROM ${relation}`);
  connection.closeSync();
  instance.closeSync();
  return Number(result.getRows()[0][0]);
}
