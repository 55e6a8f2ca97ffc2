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
  streamView,
  text,
  time,
} from 'headrace';

const rides = eventSource('rides', {
  id: 'ride',
  time: 'ended',
  columns: { ride: text(), ended: time(), station: text(), minutes: int() },
});

const byStation = streamView('by_station', {
  source: rides,
  entity: entity('station', { station: text() }),
  key: { station: 'station' },
  windows: ['15m', '1d'],
  freshness: '1s',
  features: (e) => ({ rides: count(), mean_minutes: mean(e.minutes) }),
});

const demand = featureService('demand', {
  request: { station: text() },
  join: (r) => ({ here: lookup(byStation, { station: r.station }) }),
});

// A fixed clock, so that each run prints the same. Leave it out to use the real time.
const now = Date.UTC(2026, 4, 1, 12);
const headrace = await openHeadrace({ project: defineProject('bikes', { demand }), clock: () => now });

await headrace.ingest(rides, [
  { ride: 'r1', ended: now - 60_000, station: 'Harbour', minutes: 12 },
  { ride: 'r2', ended: now - 1_800_000, station: 'Harbour', minutes: 30 },
]);

const { features } = await headrace.vector(demand, { station: 'Harbour' });
console.log(features.here_rides_15m, features.here_mean_minutes_1d); // → 1 21

await headrace.close();
