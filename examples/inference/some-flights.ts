import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Flight, flightsFile, readFlights } from '../flights/flights.ts';

/** Flights, and where they are from. */
export interface SomeFlights {
  readonly flights: readonly Flight[];
  readonly from: string;
  /** Whether they really took place. */
  readonly isReal: boolean;
}

/** A copy of the data set next to the repository. */
const COPY = fileURLToPath(new URL('../../../shared/data/features/flights_3m/flights-3m.parquet', import.meta.url));
const MINUTE_MS = 60_000;
const START = Date.UTC(2001, 0, 1);
const AIRPORTS = ['ATL', 'DFW', 'LAX', 'ORD', 'PHX', 'SFO', 'JFK', 'DEN'];

/** The first flights of the data set; generated ones where no copy of it is here. */
export async function someFlights(limit: number): Promise<SomeFlights> {
  const file = dataFile();
  if (file === null) return { flights: generated(limit), from: 'GENERATED, not real', isReal: false };
  const flights: Flight[] = [];
  for await (const flight of readFlights(`(FROM read_parquet('${file}') LIMIT ${limit})`)) flights.push(flight);
  return { flights, from: 'vega-datasets, from 2001-01-01', isReal: true };
}

function dataFile(): string | null {
  try {
    return flightsFile();
  } catch {
    return existsSync(COPY) ? COPY : null;
  }
}

/** Flights twelve a minute, later on busy routes in the evening; the same ones each time. */
function generated(limit: number): readonly Flight[] {
  return Array.from({ length: limit }, (_, i) => {
    const scheduled = START + Math.floor(i / 12) * MINUTE_MS;
    const [from, to] = [(i * 7) % AIRPORTS.length, (i * 7 + 1 + (i % 5)) % AIRPORTS.length];
    const isEvening = new Date(scheduled).getUTCHours() >= 16;
    const delay = ((i * 37) % 31) - 10 + (isEvening ? 12 : 0) + (from < 3 ? 6 : 0);
    return {
      id: `f${i}`,
      scheduled,
      departed: scheduled + Math.max(delay, 0) * MINUTE_MS,
      delay,
      distance: 300 + 170 * Math.abs(from - to),
      origin: AIRPORTS[from] ?? '',
      destination: AIRPORTS[to] ?? '',
    };
  });
}
