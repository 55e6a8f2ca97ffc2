import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { sha256Hex } from '../../src/base/hash/sha256.ts';

/** The engines whose tiles are compared with each other. */
export const engines = ['in process', 'DuckDB', 'Spark', 'Flink'] as const;

export type ParityEngine = (typeof engines)[number];

/** How many tiles an engine made of a definition, and the checksum over all of them. */
export interface ParitySum {
  readonly tiles: number;
  readonly sum: string;
}

/** Leaves what an engine made of a definition for the suite that writes the page. */
export function noteSum(engine: ParityEngine, definition: string, found: ParitySum): void {
  writeFileSync(placeOf(engine, definition), JSON.stringify(found));
}

/** What an engine made of a definition in this run; null where its suite did not run, or failed. */
export function notedSum(engine: ParityEngine, definition: string): ParitySum | null {
  const place = placeOf(engine, definition);
  return existsSync(place) ? (JSON.parse(readFileSync(place, 'utf8')) as ParitySum) : null;
}

function placeOf(engine: ParityEngine, definition: string): string {
  return join(inject('runFolder'), `${sha256Hex(`${engine}\0${definition}`)}.json`);
}
