import { check, type DriftRun, day, openedOf, promotedOf } from './run.ts';

/** One request in so many is predicted; features know every flight. HEADRACE_FLIGHTS_EVERY=1 takes all three million. */
const EVERY = Number(process.env['HEADRACE_FLIGHTS_EVERY'] ?? 10);

const WINDOWS = { '15m': 900_000, '1h': 3_600_000, '1d': 86_400_000, '7d': 604_800_000 } as const;
const KEYS = { origin: 'origin', destination: 'destination', route: "origin || '-' || destination" } as const;

const NAMES = ['origin', 'destination', 'route'] as const;

/** Running sums of a key's departures. */
function sumsBy(name: keyof typeof KEYS): string {
  const over = 'OVER (PARTITION BY place ORDER BY t ROWS UNBOUNDED PRECEDING)';
  return `SELECT place, t, COUNT(*) ${over} AS n, SUM(delay) ${over} AS delays, SUM(late) ${over} AS lates FROM (
    SELECT ${KEYS[name]} AS place, departed AS t, delay, CAST(delay > 15 AS INTEGER) AS late FROM flights)`;
}

/** Departures of one key in the windows before each request, those that had left by then: sums until now less sums until the begin. */
function windowsBy(name: keyof typeof KEYS): string {
  const joins = ['now', ...Object.keys(WINDOWS)].map((window) => {
    const ms = window === 'now' ? 0 : WINDOWS[window as keyof typeof WINDOWS];
    return `ASOF LEFT JOIN sums_${name} AS s_${window} ON a.place = s_${window}.place AND a.scheduled - ${ms} > s_${window}.t`;
  });
  const columns = Object.keys(WINDOWS).flatMap((window) => {
    const sum = (of: string) => `(COALESCE(s_now.${of}, 0) - COALESCE(s_${window}.${of}, 0))`;
    const mean = (of: string) => `CASE WHEN ${sum('n')} > 0 THEN ${sum(of)} / ${sum('n')} END`;
    return [
      `${sum('n')} AS ${name}_flights_${window}`,
      `${mean('delays')} AS ${name}_mean_delay_${window}`,
      `${mean('lates')} AS ${name}_late_share_${window}`,
    ];
  });
  return `SELECT a.id, ${columns.join(', ')} FROM (SELECT id, scheduled, ${KEYS[name]} AS place FROM asked) AS a ${joins.join(' ')}`;
}

/** The features of examples/flights as a table: of each request what was known at its instant. */
function flightsSql(until: string): string {
  return `WITH flights AS (
      SELECT row_number() OVER () AS id, epoch_ms(CAST(date AS TIMESTAMP)) AS scheduled,
        epoch_ms(CAST(date AS TIMESTAMP)) + 60000 * CAST(delay AS BIGINT) AS departed, CAST(delay AS BIGINT) AS delay, distance, origin, destination
      FROM read_parquet({files}) WHERE CAST(date AS TIMESTAMP) < TIMESTAMP '${until}'),
    asked AS (SELECT * FROM flights WHERE id % ${EVERY} = 0),
    ${NAMES.map((name) => `sums_${name} AS MATERIALIZED (${sumsBy(name)}), by_${name} AS (${windowsBy(name)})`).join(', ')}
    SELECT to_timestamp(scheduled / 1000)::TIMESTAMP AS scheduled, to_timestamp(greatest(departed, scheduled) / 1000)::TIMESTAMP AS left_at,
      CAST(delay > 15 AS INTEGER) AS late, distance, (scheduled // 3600000) % 24 AS hour, (scheduled // 86400000 + 4) % 7 AS weekday,
      by_origin.* EXCLUDE (id), by_destination.* EXCLUDE (id), by_route.* EXCLUDE (id)
    FROM asked JOIN by_origin USING (id) JOIN by_destination USING (id) JOIN by_route USING (id) ORDER BY id`;
}

const COLUMNS = ['--time', 'scheduled', '--label', 'late', '--labelled', 'left_at', '--within', '2d'];

/** AUC of LightGBM on the same flights: a January model, and one that is trained again each month. */
const JANUARY = [0.819, 0.802, 0.808, 0.801, 0.804];
const MONTHLY = [0.819, 0.803, 0.811, 0.807, 0.81];

/** Half a year: a January model, a challenger each month. */
const half: DriftRun = {
  name: 'flights',
  files: ['features/flights_3m/flights-3m.parquet'],
  prepare: flightsSql('2001-07-01'),
  args: [...COLUMNS, '--until', '2001-02-01', '--window', '7d', '--retrain', '0 4 1 * *'],
  checks: (replay) => {
    const { summary, log } = replay;
    const found = summary.months
      .filter(({ month }) => month >= '2001-02' && month <= '2001-06')
      .map(({ auc }) => auc ?? 0);
    const near = found.every((auc, i) => auc > Math.min(JANUARY[i], MONTHLY[i]) - 0.01);
    const pairs = log
      .filter(({ action }) => action.includes('out of the shadow'))
      .map(({ evidence }) => /on (\d+) labelled/.exec(evidence)?.[1] ?? '');
    const pages = log.filter(({ action }) => action.includes('(page)'));
    const gap = Math.max(...summary.months.map(({ meanScore, meanLabel }) => Math.abs(meanScore - meanLabel)));
    return [
      check(
        'AUC by month is at most 0.01 below LightGBM',
        found.length === 5 && near,
        found.map((auc) => auc.toFixed(3)).join(' '),
      ),
      check(
        'challengers are promoted by paired gain',
        promotedOf(replay) > 0 && pairs.length >= promotedOf(replay),
        `${promotedOf(replay)} promoted, on ${pairs.join(' ')} labelled pairs`,
      ),
      check(
        'the usual rules page more than the playbook',
        summary.naive.ks > pages.length,
        `ks<0.05 in ${summary.naive.ks}, psi>0.2 in ${summary.naive.psi} of ${summary.naive.windows} windows; ${pages.length} pages`,
      ),
      check('greatest gap of mean score and late share of a month, shown', true, gap.toFixed(3)),
    ];
  },
};

const FAULT = { from: '2001-03-05', to: '2001-03-12' } as const;
const FEATURE = 'origin_mean_delay_1d';

/** Ten weeks with two injected faults: a spoiled version, and a source that turns from minutes to seconds. */
const injected: DriftRun = {
  name: 'flights_injected',
  files: ['features/flights_3m/flights-3m.parquet'],
  prepare: flightsSql('2001-03-25'),
  args: [
    ...COLUMNS,
    '--until',
    '2001-02-01',
    '--window',
    '1d',
    '--retrain',
    '0 4 * * 1',
    '--inject',
    'spoiled@2001-02-12',
    '--inject',
    `${FEATURE}*60@${FAULT.from}/${FAULT.to}`,
  ],
  checks: (replay) => {
    const { log, summary } = replay;
    const [from, to] = [Date.parse(FAULT.from), Date.parse(FAULT.to)];
    const stop = log.find(({ action, at }) => action.includes('stop ') && action.includes(FEATURE) && at >= from);
    const release = log.find(({ action, at }) => action.startsWith('release') && action.includes(FEATURE) && at >= to);
    const during = log.filter(({ action, at }) => action === 'retrain' && at > from + 86_400_000 && at < to);
    const rolled = log.filter(({ by, action }) => by === 'rollout' && action.includes('rolledBack'));
    const spoiled = summary.versions.find(({ why }) => why === 'injected')?.version;
    const after = summary.versions.filter(({ at }) => at >= to);
    return [
      check(
        'the spoiled version is rolled back',
        rolled.some(({ action }) => action.startsWith(`version ${spoiled} `)) && summary.champion !== spoiled,
        rolled.map(({ at, action }) => `${day(at)} ${action}`).join(', ') || 'never',
      ),
      check(
        'the source in seconds is stopped as a fault',
        stop !== undefined,
        stop === undefined ? 'never' : `${day(stop.at)} ${stop.evidence}`,
      ),
      check(
        'it is released once it is right again',
        release !== undefined,
        release === undefined ? 'never' : day(release.at),
      ),
      check('nothing is trained meanwhile', during.length === 0, during.length),
      check(
        'versions after it, shown',
        true,
        after.map(({ version, rows }) => `${version}: ${rows} rows`).join(', ') || 'none',
      ),
      check(
        'its drift is no page',
        openedOf(replay, 'dataDrift').every(({ evidence }) => !evidence.includes(FEATURE)),
        'no data drift of it',
      ),
    ];
  },
};

export const flightRuns: readonly DriftRun[] = [half, injected];
