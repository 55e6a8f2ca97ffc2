import { lossOf } from './loss-of.ts';
import { check, type DriftRun, day, promotedOf } from './run.ts';

/** A stream with labels, into which faults are put. */
interface Stream {
  readonly name: string;
  readonly files: readonly string[];
  /** SQL of its rows: `asked_at`, `labelled_at`, `label` and features. */
  readonly rows: string;
  /** The feature that is spoiled, and one that goes missing with it. */
  readonly feature: string;
  readonly other: string;
  /** The span of the fault, and the end of the first rows. */
  readonly from: string;
  readonly to: string;
  readonly until: string;
  readonly window: string;
}

/** Taxi trips of 2018 and half of 2019, one of 20: does the rider tip? */
const taxi: Stream = {
  name: 'taxi_tips',
  files: ['drift/taxi/yellow_tripdata_sample_*.csv.gz'],
  rows: `SELECT pickup_datetime AS asked_at, pickup_datetime + INTERVAL 1 HOUR AS labelled_at, CAST(tip_amount > 0 AS INTEGER) AS label,
      trip_distance, fare_amount, passenger_count, CAST(payment_type AS VARCHAR) AS payment, rate_code_id, hour(pickup_datetime) AS hour
    FROM (SELECT *, row_number() OVER (ORDER BY pickup_datetime, fare_amount, trip_distance) AS id FROM read_csv({files}, union_by_name = true)
      WHERE pickup_datetime >= TIMESTAMP '2018-01-01' AND pickup_datetime < TIMESTAMP '2019-07-01') WHERE id % 20 = 0`,
  feature: 'fare_amount',
  other: 'passenger_count',
  from: '2018-10-15',
  to: '2018-12-20',
  until: '2018-07-01',
  window: '30d',
};

/** Flights of the first three and a half months, one of 120: does it leave late? The mean delay and the late share of its airport are known as they were. */
const flights: Stream = {
  name: 'flights_late',
  files: ['features/flights_3m/flights-3m.parquet'],
  rows: `SELECT asked_at, labelled_at, label, distance, hour(asked_at) AS hour, dayofweek(asked_at) AS weekday, mean_delay, late_share FROM (
      SELECT CAST(date AS TIMESTAMP) AS asked_at, CAST(date AS TIMESTAMP) + INTERVAL 1 DAY AS labelled_at, CAST(delay > 15 AS INTEGER) AS label, distance,
        AVG(delay) OVER hours AS mean_delay, AVG(CAST(delay > 15 AS INTEGER)) OVER hours AS late_share,
        row_number() OVER (ORDER BY date, origin, destination, delay, distance) AS id
      FROM read_parquet({files}) WHERE CAST(date AS TIMESTAMP) < TIMESTAMP '2001-04-15'
      WINDOW hours AS (PARTITION BY origin ORDER BY CAST(date AS TIMESTAMP) RANGE BETWEEN INTERVAL 24 HOURS PRECEDING AND INTERVAL 3 HOURS PRECEDING))
    WHERE id % 120 = 0`,
  feature: 'mean_delay',
  other: 'late_share',
  from: '2001-02-20',
  to: '2001-03-14',
  until: '2001-01-25',
  window: '6d',
};

/** The faults, as SQL of the spoiled feature; `{share n}` is a share of the rows, the same ones each time. */
const FAULTS: Readonly<Record<string, string>> = {
  cents: '{x} * 100',
  third_in_seconds: 'CASE WHEN {share 34} THEN {x} * 60 ELSE {x} END',
  miles: '{x} * 1.609344',
  kelvin: '{x} + 273.15',
  sign: '-{x}',
  stuck: '12.5',
  zeros: 'CASE WHEN {share 20} THEN 0 ELSE {x} END',
  code: 'CASE WHEN {share 3} THEN -999 ELSE {x} END',
  missing_1: 'CASE WHEN {share 1} THEN NULL ELSE {x} END',
  missing_5: 'CASE WHEN {share 5} THEN NULL ELSE {x} END',
};

function spoiled({ rows, feature, other, from, to }: Stream, fault: string): string {
  const share = (text: string) =>
    text.replace(/\{share (\d{1,2})\}/g, 'hash(epoch_ms(asked_at), label, hour) % 100 < $1');
  const during = (x: string, sql: string) =>
    `CASE WHEN asked_at >= TIMESTAMP '${from}' AND asked_at < TIMESTAMP '${to}' THEN CAST(${share(sql).replaceAll('{x}', x)} AS DOUBLE) ELSE CAST(${x} AS DOUBLE) END AS ${x}`;
  // Missing values are missing together.
  const also = fault.startsWith('missing') ? [during(other, FAULTS[fault])] : [];
  return `SELECT * REPLACE (${[during(feature, FAULTS[fault]), ...also].join(', ')}) FROM (${rows}) ORDER BY asked_at`;
}

function runsOf(stream: Stream): readonly DriftRun[] {
  return Object.keys(FAULTS).map((fault): DriftRun => {
    const name = `${stream.name}_${fault}`;
    const args = ['--time', 'asked_at', '--label', 'label', '--labelled', 'labelled_at'];
    return {
      name,
      files: stream.files,
      prepare: spoiled(stream, fault),
      args: [...args, '--until', stream.until, '--window', stream.window, '--trees', '30'],
      without: ['--dry-run'],
      checks: (replay, folder) => {
        const [mine, none] = [lossOf(folder), lossOf(`${folder}-without`)];
        const { log } = replay;
        const [from, to] = [Date.parse(stream.from), Date.parse(stream.to)];
        const found = log.find(({ action, at }) => action.startsWith('stop ') && at >= from && at <= to + (to - from));
        const remedies = log
          .filter(({ action }) => /^(put the declared|leave )/.test(action))
          .map(({ action }) => action);
        return [
          check(
            'the loss with the playbook is at most that without it',
            mine.loss <= none.loss,
            `${mine.loss.toFixed(4)} and ${none.loss.toFixed(4)} on ${mine.rows} labelled rows, ${promotedOf(replay)} promoted`,
          ),
          check(
            'the fault, shown',
            true,
            found === undefined
              ? 'not found'
              : `${day(found.at)} ${found.evidence}; ${remedies.join(', ') || 'no remedy'}`,
          ),
        ];
      },
    };
  });
}

export const faultRuns: readonly DriftRun[] = [taxi, flights].flatMap(runsOf);
