import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { logLossOf } from '../../src/stats/log-loss.ts';
import { root } from '../run-command.ts';
import { type Check, check, type DriftRun, day, fromPython, openedOf, promotedOf, type Replayed } from './run.ts';

/** One request in this many is predicted; features know every flight. HEADRACE_FLIGHTS_EVERY=1 takes all three million. */
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
        epoch_ms(CAST(date AS TIMESTAMP)) + 60000 * greatest(CAST(delay AS BIGINT), 0) AS departed, CAST(delay AS BIGINT) AS delay, distance, origin, destination
      FROM read_parquet({files}) WHERE CAST(date AS TIMESTAMP) < TIMESTAMP '${until}'),
    asked AS (SELECT * FROM flights WHERE id % ${EVERY} = 0),
    ${NAMES.map((name) => `sums_${name} AS MATERIALIZED (${sumsBy(name)}), by_${name} AS (${windowsBy(name)})`).join(', ')}
    SELECT to_timestamp(scheduled / 1000)::TIMESTAMP AS scheduled, to_timestamp(greatest(departed, scheduled) / 1000)::TIMESTAMP AS left_at,
      CAST(delay > 15 AS INTEGER) AS late, distance, (scheduled // 3600000) % 24 AS hour, (scheduled // 86400000 + 4) % 7 AS weekday,
      by_origin.* EXCLUDE (id), by_destination.* EXCLUDE (id), by_route.* EXCLUDE (id)
    FROM asked JOIN by_origin USING (id) JOIN by_destination USING (id) JOIN by_route USING (id) ORDER BY id`;
}

const COLUMNS = ['--time', 'scheduled', '--label', 'late', '--labelled', 'left_at', '--within', '2d'];

interface Beside {
  readonly months: readonly { readonly month: string; readonly ours: number; readonly lightgbm: number }[];
  readonly trained: readonly { readonly version: number; readonly same: number }[];
}

/** AUC by month of LightGBM on the training sets of the replay's versions, at the rows that they answered. */
const beside: DriftRun['beside'] = (python, table, folder) => {
  const program = join(root, 'scripts/yardstick/flights_lightgbm.py');
  const { months, trained } = fromPython<Beside>(python, [program, table, folder]);
  const shown = (of: (month: Beside['months'][number]) => number) =>
    months.map((month) => of(month).toFixed(3)).join(' ');
  return [
    check(
      'AUC by month is within 0.01 of LightGBM on the same training sets',
      months.length === 5 && months.every(({ ours, lightgbm }) => ours > lightgbm - 0.01),
      `${shown(({ ours }) => ours)}; LightGBM ${shown(({ lightgbm }) => lightgbm)}`,
    ),
    check('training sets, shown', true, trained.map(({ version, same }) => `${version}: ${same} rows`).join(', ')),
  ];
};

/** Incidents that call a person, and windows in which the usual rules would. */
function pages({ log, summary }: Replayed): Check {
  const own = log.filter(({ action }) => action.includes('(page)'));
  const { ks, psi, windows } = summary.naive;
  return check(
    'the usual rules page in more than half of the windows, the playbook in less than a fifth',
    ks > windows / 2 && own.length < windows / 5,
    `ks<0.05 in ${ks}, psi>0.2 in ${psi} of ${windows} windows; ${own.length} pages of the playbook`,
  );
}

const HALF = {
  files: ['features/flights_3m/flights-3m.parquet'],
  table: 'flights',
  prepare: flightsSql('2001-07-01'),
  beside,
} as const;

/** Half a year of a January model that nobody replaces. */
const frozen: DriftRun = {
  ...HALF,
  name: 'flights_frozen',
  args: [...COLUMNS, '--until', '2001-02-01', '--window', '7d', '--retrain', 'never'],
  checks: (replay) => {
    const { months } = replay.summary;
    const gaps = months.map(({ meanScore, meanLabel }) => Math.abs((meanScore ?? 1) - (meanLabel ?? 0)));
    const means = months.map(({ meanScore, meanLabel }) => `${meanScore?.toFixed(3)}/${meanLabel?.toFixed(3)}`);
    return [
      check(
        'mean score and late share of a month differ by less than 0.03',
        gaps.every((gap) => gap < 0.03),
        means.join(' '),
      ),
      pages(replay),
    ];
  },
};

/** Quantiles of the normal distribution: error 0.05 on both sides, power 0.8. */
const ERROR = 1.96;
const POWER = 0.8416;
const MONTH_MS = 30 * 86_400_000;

/** A version that its paired shadow let continue. */
interface Passed {
  readonly at: number;
  readonly pairs: number;
  readonly difference: number;
}

function passedOf({ log }: Replayed): readonly Passed[] {
  return log.flatMap(({ at, action, evidence }) => {
    const [, pairs, difference] = /on (\d+) labelled requests: (-[0-9.]+)/.exec(evidence) ?? [];
    return action.includes('out of the shadow') ? [{ at, pairs: Number(pairs), difference: Number(difference) }] : [];
  });
}

/** Rows in which two cohorts of equal size, looked at once, find the same difference of the log loss: that of the champion's newest month varies so. */
function cohortRows({ at, difference }: Passed, folder: string): number {
  const [, ...lines] = readFileSync(join(folder, 'predictions.csv'), 'utf8').trimEnd().split('\n');
  const losses = lines.flatMap((line) => {
    const [time, , score, label] = line.split(',');
    const age = at - Date.parse(time);
    return age >= 0 && age < MONTH_MS ? [logLossOf(Number(score), Number(label))] : [];
  });
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  const variance = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / losses.length;
  return Math.round((2 * 2 * variance * (ERROR + POWER) ** 2) / difference ** 2);
}

/** Half a year: a January model, a challenger each month. */
const half: DriftRun = {
  ...HALF,
  name: 'flights',
  args: [...COLUMNS, '--until', '2001-02-01', '--window', '7d', '--retrain', '0 4 1 * *'],
  checks: (replay, folder) => {
    const passed = passedOf(replay);
    const shown = passed.map((one) => `${one.pairs} pairs where two cohorts need ${cohortRows(one, folder)} rows`);
    return [
      check(
        'challengers are promoted by paired gain',
        promotedOf(replay) > 0 && passed.length >= promotedOf(replay),
        `${promotedOf(replay)} promoted: ${shown.join(', ')}`,
      ),
      pages(replay),
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
  checks: (replay, folder) => {
    const { log, summary } = replay;
    const [, ...lines] = readFileSync(join(folder, 'predictions.csv'), 'utf8').trimEnd().split('\n');
    const times = lines.map((line) => Date.parse(line.slice(0, line.indexOf(','))));
    const count = (since: number, until: number | null) =>
      times.filter((time) => time >= since && time < (until ?? 0)).length;
    const before = (until: number | null) => summary.first + count(summary.from, until);
    const faulty = (until: number | null) => count(from, Math.min(until ?? 0, to));
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
        'versions after it are trained on no row of it',
        after.length > 0 && after.every((one) => one.rows + faulty(one.until) === before(one.until)),
        after
          .map(({ version, rows, until }) => `${version}: ${rows} rows, without ${faulty(until)} of the fault`)
          .join('; '),
      ),
      check(
        'its drift is no page',
        openedOf(replay, 'dataDrift').every(({ evidence }) => !evidence.includes(FEATURE)),
        'no data drift of it',
      ),
    ];
  },
};

export const flightRuns: readonly DriftRun[] = [frozen, half, injected];
