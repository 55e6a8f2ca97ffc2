import {
  apply,
  batchView,
  type Columns,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  gt,
  int,
  lookup,
  mean,
  model,
  onDemandView,
  share,
  sql,
  streamView,
  text,
  time,
} from 'headrace';

const airport = entity('airport', { airport: text() });
const route = entity('route', { origin: text(), destination: text() });

/** Every flight, when it is due to leave: the request for a prediction. */
export const schedule = eventSource('schedule', {
  id: 'flight',
  time: 'scheduled',
  columns: { flight: text(), scheduled: time(), origin: text(), destination: text(), distance: int({ unit: 'mi' }) },
});

/** Every flight, when it has left: what the features are made of, and the label. */
export const departures = eventSource('departures', {
  id: 'flight',
  time: 'departed',
  columns: {
    flight: text(),
    departed: time(),
    scheduled: time(),
    origin: text(),
    destination: text(),
    delay: int({ unit: 'min', range: [-120, 2000] }),
  },
});

const delays = ({ delay }: Columns<typeof departures>) => ({
  flights: count(),
  mean_delay: mean(delay),
  late_share: share(gt(delay, 15)),
});

const live = { source: departures, windows: ['15m', '1h', '1d', '7d'], freshness: '1s', features: delays } as const;

const byOrigin = streamView('by_origin', { ...live, entity: airport, key: { airport: 'origin' } });
const byDestination = streamView('by_destination', { ...live, entity: airport, key: { airport: 'destination' } });
const byRoute = streamView('by_route', {
  ...live,
  entity: route,
  key: { origin: 'origin', destination: 'destination' },
});

const history = batchView('history', {
  entity: route,
  schedule: '0 3 * * *',
  freshness: '26h',
  reads: { departures },
  features: { mean_delay: float(), late_share: float(), flights: int() },
  sql: ({ departures: d, asOf }) => sql`
    SELECT origin, destination, avg(delay) AS mean_delay, avg(CASE WHEN delay > 15 THEN 1 ELSE 0 END) AS late_share,
      count(*) AS flights
    FROM ${d} WHERE departed < ${asOf} GROUP BY origin, destination`,
});

const DAY_MS = 86_400_000;

const calendar = onDemandView('calendar', {
  inputs: { at: time() },
  features: { hour: int(), weekday: int() },
  // 1970-01-01 was a Thursday: weekday 4, Sunday being 0.
  compute: ({ at }) => ({ hour: new Date(at).getUTCHours(), weekday: (Math.floor(at / DAY_MS) + 4) % 7 }),
});

export const departure = featureService('departure', {
  request: { origin: text(), destination: text(), scheduled: time(), distance: int({ unit: 'mi' }) },
  p99: '10ms',
  join: (r) => ({
    origin: lookup(byOrigin, { airport: r.origin }),
    destination: lookup(byDestination, { airport: r.destination }),
    route: lookup(byRoute, { origin: r.origin, destination: r.destination }),
    history: lookup(history, { origin: r.origin, destination: r.destination }),
  }),
  compute: (r) => ({ distance: r.distance, clock: apply(calendar, { at: r.scheduled }) }),
});

const predicted = {
  task: 'binary',
  service: departure,
  spine: { from: schedule, id: 'flight' },
  train: { with: { kind: 'logisticRegression', categorical: ['clock_hour', 'clock_weekday'] } },
} as const;

/** The model of the short replay: its playbook acts, so a rise of the loss leads to a new champion without a person. */
export const answeredLateDeparture = model('late_departure', {
  ...predicted,
  label: { from: departures, id: 'flight', value: (e) => gt(e.delay, 15), within: '3h' },
  monitors: [
    { kind: 'featureDrift', window: '1d', features: ['distance', 'origin_late_share_1d'] },
    { kind: 'conceptDrift', window: '1d', k: 1 },
  ],
  playbook: {
    retrain: { window: '30d', cooldown: '6h', rows: 2_500 },
    gate: { recent: '3h' },
    shadow: { labels: 500 },
  },
  rollout: {
    shadow: '2h',
    steps: [5, 20, 50, 100],
    every: '2h',
    requests: 10,
    success: { metric: 'log_loss', margin: false, labels: 100 },
  },
});

/** The model of the whole half year: the replay rolls its versions out, and the playbook decides and does nothing. */
export const lateDeparture = model('late_departure', {
  ...predicted,
  label: { from: departures, id: 'flight', value: (e) => gt(e.delay, 15), within: '6h' },
  monitors: [
    { kind: 'featureDrift', window: '1d', features: ['distance', 'origin_mean_delay_1d', 'origin_late_share_1d'] },
    { kind: 'conceptDrift', window: '1d', k: 1 },
  ],
  playbook: {
    mode: 'dryRun',
    retrain: { window: '30d', schedule: '0 4 * * 1', cooldown: '1d' },
  },
  rollout: {
    shadow: '2h',
    steps: [5, 20, 50, 100],
    every: '2h',
    requests: 50,
    success: { metric: 'log_loss', margin: 0.03, labels: 1_000 },
    soak: '2h',
  },
});

export type LateDeparture = typeof lateDeparture | typeof answeredLateDeparture;

/** The project of the short replay. */
export const answeredProject = defineProject('flights', {
  schedule,
  departures,
  departure,
  lateDeparture: answeredLateDeparture,
});

export default defineProject('flights', { schedule, departures, departure, lateDeparture });
