// @module-tag deep

import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { hasSharedData, whySkipped } from '../tiles/shared-data.ts';
import { ofShared, own } from './parity-definitions.ts';
import { engines, notedSum } from './parity-sums.ts';

const PAGE = new URL('../../docs/internals/engine-parity.md', import.meta.url);

const definitions = [...own, ...ofShared(resolve('../shared/data/features'))].map(({ name }) => name);

/** Runs last: `vitest.services.config.ts`. */
test.skipIf(!hasSharedData)(
  `all engines of this run gave the same tiles of each definition, and the page has their checksums${whySkipped}`,
  async ({ skip }) => {
    const rows = definitions.map((name) => ({ name, sums: engines.map((engine) => notedSum(engine, name)) }));
    const absent = engines.filter((_, e) => rows.some(({ sums }) => sums[e] === null));
    skip(absent.length > 0, `the page stays as it is: this run did not make all tiles by ${absent.join(', ')}`);
    for (const { name, sums } of rows) expect(sums, name).toEqual(engines.map(() => sums[0]));
    await expect(pageOf(rows.map(({ name, sums }) => rowOf(name, sums)))).toMatchFileSnapshot(PAGE.pathname);
  },
);

function rowOf(name: string, sums: readonly ReturnType<typeof notedSum>[]): string {
  const cells = sums.map((found) => `\`${found?.sum.slice(0, 16)}\``);
  return `| ${[name, sums[0]?.tiles.toLocaleString('en-US'), ...cells].join(' | ')} |`;
}

function pageOf(rows: readonly string[]): string {
  return `# The same tiles from every engine

Written by \`test/services/engine-parity.test.ts\` from the results of earlier suites in the same run. They are \`spark-parity.test.ts\`,
\`flink-parity.test.ts\` and, for the flights, \`flink-faults.test.ts\`. The last one kills a task manager while they flow. Each suite computes
all tiles of each definition. Flink reads its events from Kafka, and its last record of each tile counts.

A checksum is the SHA-256 (its first 16 digits) over every tile as a line of text, sorted. A line has hop, key, start, number of events,
generation, greatest time, and every column and part of every partial. A run with another checksum fails. A run without all suites
leaves the page unchanged and reports it.

| definition | tiles | ${engines.join(' | ')} |
|---|---|${engines.map(() => '---|').join('')}
${rows.join('\n')}

For the hourly tiles of flights, the SHA-256 of the lines \`origin,tile_start,n,sum,min,max\` is
\`0d7ef856c233037a3cdec4044de1a468eb0fdeb8c94d5092deca13e51045a3bc\` on all engines.
A separate script compares [ten million events](engine-parity-large.md) without Flink. Half of them have one key, and Flink writes its whole
tile, with all sketches, at each of its short batches. That took more than 220 s for 400,000 events on two busy cores.
`;
}
