import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int,
  lookup,
  mean,
  openHeadrace,
  startServer,
  streamView,
  text,
  time,
} from 'headrace';

/** Serves a small history of rides and runs notebook.py against it. Without Python and pandas it says so and ends. */

const rides = eventSource('rides', {
  id: 'ride',
  time: 'ended',
  columns: { ride: text(), ended: time(), station: text(), minutes: int() },
});
const byStation = streamView('by_station', {
  source: rides,
  entity: entity('station', { station: text() }),
  key: { station: 'station' },
  windows: ['1h'],
  freshness: '1s',
  features: (e) => ({ rides: count(), mean_minutes: mean(e.minutes) }),
});
const demand = featureService('demand', {
  request: { station: text() },
  join: (r) => ({ here: lookup(byStation, { station: r.station }) }),
});

let now = 0;
// Its own directory: another declaration of the same view is in `.headrace`.
const environment = { directory: '.headrace/notebook' };
const headrace = await openHeadrace({ project: defineProject('bikes', { demand }), environment, clock: () => now });
const history = [
  { ended: '2026-01-05T09:20:00Z', arrived: '2026-01-05T09:20:01Z', station: 'Harbour', minutes: 12 },
  { ended: '2026-01-05T10:55:00Z', arrived: '2026-01-05T10:55:01Z', station: 'Harbour', minutes: 30 },
  // Arrives half an hour late: a corrected training set has it at 11:30, one as known then has not.
  { ended: '2026-01-05T11:10:00Z', arrived: '2026-01-05T11:40:00Z', station: 'Harbour', minutes: 7 },
];
for (const [i, { ended, arrived, station, minutes }] of history.entries()) {
  now = Date.parse(arrived);
  await headrace.ingest(rides, [{ ride: `r${i}`, ended: Date.parse(ended), station, minutes }]);
}
const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: '4MiB' });

if (hasPandas()) {
  const notebook = fileURLToPath(new URL('./notebook.py', import.meta.url));
  const { stdout } = await promisify(execFile)('python3', [notebook], {
    env: { ...process.env, HEADRACE_URL: server.url },
  });
  console.log(stdout.trimEnd());
} else {
  console.log('skipped: python3 has no pandas with pyarrow');
}
await server.close();
await headrace.close();

function hasPandas(): boolean {
  try {
    execFileSync('python3', ['-c', 'import pandas, pyarrow'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
