import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  batchView,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  sql,
  text,
  time,
} from '../../src/features/define/declare.ts';

import { openHeadrace } from '../../src/running/headrace.ts';

const START = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

const rides = eventSource('rides', {
  id: 'ride',
  time: 'ended',
  columns: { ride: text(), ended: time(), station: text() },
});

/** Needs about 150 MB for each million of its rows, which cannot be put on the disk. */
const heavy = batchView('heavy', {
  entity: entity('station', { station: text() }),
  schedule: '0 * * * *',
  freshness: '2h',
  reads: { rides },
  features: { texts: int() },
  sql: ({ rides: all, asOf }) => sql`
    SELECT station, (SELECT LENGTH(LIST(range::VARCHAR || repeat('x', 40))) FROM range(3000000)) AS texts
    FROM ${all} WHERE ended < ${asOf} GROUP BY station`,
});

const light = batchView('light', {
  entity: entity('place', { place: text() }),
  schedule: '0 * * * *',
  freshness: '2h',
  reads: { rides },
  features: { rides: int() },
  sql: ({ rides: all, asOf }) =>
    sql`SELECT station AS place, COUNT(*) AS rides FROM ${all} WHERE ended < ${asOf} GROUP BY station`,
});

const service = featureService('both', {
  request: { station: text() },
  join: (r) => ({ h: lookup(heavy, { station: r.station }), l: lookup(light, { place: r.station }) }),
});

test('background work that finds no memory is reported, ends nothing and stays due; all other work continues', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-memory-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const faults: unknown[] = [];
  let now = START;
  const headrace = await openHeadrace({
    project: defineProject('memory', { rides, service }),
    environment: { directory, offline: { memory: 2 ** 26 } },
    clock: () => now,
    onFault: (error) => faults.push(error),
  });
  onTestFinished(() => headrace.close());
  await headrace.ingest(rides, [{ ride: 'r1', ended: START, station: 'Ulm' }]);
  for (let hour = 1; hour <= 2; hour += 1) {
    now = START + hour * HOUR_MS + 1;
    await headrace.tick();
  }
  expect(faults.length).toBeGreaterThanOrEqual(2);
  for (const fault of faults) expect(fault).toMatchObject({ code: 'OFFLINE_MEMORY' });
  const { features } = await headrace.vector(service, { station: 'Ulm' });
  expect(features).toMatchObject({ h_texts: null, l_rides: 1 });
  now = START + 6 * HOUR_MS;
  expect(headrace.degraded().join('\n')).toContain('heavy');
});
