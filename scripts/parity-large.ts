import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { generated } from '../test/services/parity-definitions.ts';
import { SparkSite } from '../test/services/spark-site.ts';
import { parityCells, type Took, tilesByEngines } from '../test/services/tiles-by-engines.ts';
import { spark } from './services/spark.ts';

/** Holds the tiles of ten million events by three engines against each other, and writes the page of what it found. */
const EVENTS = 10_000_000;

const PAGE = new URL('../docs/internals/engine-parity-large.md', import.meta.url);

const running = await spark.status();
Object.assign(process.env, running ?? (await spark.up()));
const site = await SparkSite.open('spark-submit');
try {
  const { parity, took, differing } = await tilesByEngines(site, generated(EVENTS));
  if (differing.length > 0) throw new Error(`they differ: ${differing.join('; ')}`);
  writeFileSync(PAGE, pageOf(parityCells(parity), took));
} finally {
  await site.end();
  if (running === null) await spark.down();
}

function pageOf(cells: readonly string[], took: Took): string {
  const seconds = [took.inProcess, took.duckdb, took.spark].map((ms) => `${Math.round(ms / 1000)} s`);
  return `# The same tiles of ten million events

Written by \`node --conditions=headrace-source scripts/parity-large.ts\`, run by hand on ${cpus().length} cores. [The other page](engine-parity.md) defines the
checksums. The time is from the deliveries to all tiles in this process. It excludes reading the log for the in-process engine, and the
start of Spark (\`local[2]\`, 1.5 GB). Other programs ran at the same time.

| definition | tiles | in process | DuckDB | Spark |
|---|---|---|---|---|
| ${cells.join(' | ')} |
| time | | ${seconds.join(' | ')} |
`;
}
