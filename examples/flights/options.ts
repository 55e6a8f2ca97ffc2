import { parseArgs } from 'node:util';
import { ALL_FLIGHTS, firstFlights, type Part, stormDays } from './parts.ts';

const USAGE = `usage: npm start [-- options]
  --full       replay all 3,000,000 flights of half a year, minute by minute
  --limit N    the first N flights of the half year
  --exit       end after the replay: without it the server stays up
  --port N     port of the server (8080, or a free one where that is busy)
  --json       the summary as one JSON object on the last line; no progress`;

export interface RunOptions {
  /** Null: the days in which the playbook acts. */
  readonly limit: number | null;
  readonly exits: boolean;
  readonly json: boolean;
  /** Null: 8080, or a free one. */
  readonly port: number | null;
}

/** The options of a call; ends the process where they are wrong. */
export function runOptions(args: readonly string[]): RunOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        full: { type: 'boolean' },
        limit: { type: 'string' },
        exit: { type: 'boolean' },
        json: { type: 'boolean' },
        port: { type: 'string' },
      },
    });
    const limit = wholeNumber(values.limit ?? (values.full === true ? String(ALL_FLIGHTS) : undefined), 1, ALL_FLIGHTS);
    const port = wholeNumber(values.port, 0, 65_535);
    return { limit, port, exits: values.exit === true, json: values.json === true };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`);
    process.exit(2);
  }
}

function wholeNumber(text: string | undefined, least: number, most: number): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new Error(`${text} is no whole number from ${least} to ${most}`);
  return value;
}

export function partOf({ limit }: RunOptions): Part | Promise<Part> {
  return limit === null ? stormDays() : firstFlights(limit);
}
