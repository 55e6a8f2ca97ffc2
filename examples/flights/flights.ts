import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

/** One flight of the data set; times are epoch ms (the source has no zone: read as UTC), delay is in minutes. */
export interface Flight {
  readonly id: string;
  readonly scheduled: number;
  readonly departed: number;
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

/** What happens in one step of the replay: flights that are due to leave, and flights that do leave. */
export interface Step {
  readonly at: number;
  readonly scheduled: readonly Flight[];
  readonly departed: readonly Flight[];
}

const MINUTE_MS = 60_000;

/** The Parquet file of 3,000,000 flights, 2001-01 to 2001-06, which the npm package vega-datasets ships. */
export function flightsFile(): string {
  const manifest = findPackageJSON('vega-datasets', import.meta.url);
  if (manifest === undefined) throw new Error('the package vega-datasets is not installed: run npm ci');
  return join(dirname(manifest), 'data', 'flights-3m.parquet');
}

/** Flights step by step, in order of time, until the last of them has left. A step is what happens from its instant on. */
export async function* replaySteps(
  flights: AsyncIterable<Flight> | Iterable<Flight>,
  stepMs = MINUTE_MS,
): AsyncGenerator<Step> {
  const leaving = new Map<number, Flight[]>();
  const stepOf = (time: number) => Math.floor(time / stepMs) * stepMs;
  let scheduled: Flight[] = [];
  let at = Number.NaN;
  for await (const flight of flights) {
    const due = stepOf(flight.scheduled);
    if (Number.isNaN(at)) at = due;
    for (; at < due; at += stepMs) {
      yield stepAt(at, scheduled, leaving);
      scheduled = [];
    }
    scheduled.push(flight);
    const left = stepOf(flight.departed);
    const others = leaving.get(left);
    if (others === undefined) leaving.set(left, [flight]);
    else others.push(flight);
  }
  for (; scheduled.length > 0 || leaving.size > 0; at += stepMs) {
    yield stepAt(at, scheduled, leaving);
    scheduled = [];
  }
}

function stepAt(at: number, scheduled: readonly Flight[], leaving: Map<number, Flight[]>): Step {
  const departed = leaving.get(at) ?? [];
  leaving.delete(at);
  return { at, scheduled, departed };
}

/** The flights of a relation of DuckDB with the columns of the data set, in order of their scheduled times. */
export async function* readFlights(relation: string): AsyncGenerator<Flight> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const result = await connection.stream(
    `SELECT CAST(epoch_ms(date) AS DOUBLE), CAST(delay AS INTEGER), CAST(distance AS INTEGER), origin, destination
     FROM ${relation}`,
  );
  let row = 0;
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const [dates, delays, distances, origins, destinations] = chunk.getColumns();
    for (let i = 0; i < chunk.rowCount; i += 1, row += 1) {
      const scheduled = Number(dates?.[i]);
      const delay = Number(delays?.[i]);
      yield {
        id: `f${row}`,
        scheduled,
        departed: scheduled + Math.max(delay, 0) * MINUTE_MS,
        delay,
        distance: Number(distances?.[i]),
        origin: String(origins?.[i]),
        destination: String(destinations?.[i]),
      };
    }
  }
  connection.closeSync();
  instance.closeSync();
}
