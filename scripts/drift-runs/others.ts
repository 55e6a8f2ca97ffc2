import { check, type DriftRun, day, isSilent, openedOf, promotedOf, windowsOf } from './run.ts';

const TAXI = [
  'trip_distance',
  'fare_amount',
  'tip_amount',
  'payment_type',
  'passenger_count',
  'congestion_surcharge',
  'rate_code_id',
  'vendor_id',
];

/** Two years of taxi trips, without model and labels: dated changes of features, and quiet ones. */
const taxi: DriftRun = {
  name: 'taxi',
  files: ['drift/taxi/yellow_tripdata_sample_*.csv.gz'],
  // A few rows lie outside their file's month, some by years.
  prepare: `SELECT * FROM read_csv({files}, union_by_name = true)
    WHERE pickup_datetime >= TIMESTAMP '2018-01-01' AND pickup_datetime < TIMESTAMP '2020-01-01'`,
  args: ['--time', 'pickup_datetime', '--until', '2018-07-01', '--window', '7d', '--features', TAXI.join(',')],
  checks: (replay) => {
    const of = (feature: string, from: string, to: string) =>
      windowsOf(replay, feature).filter((at) => at >= Date.parse(from) - 7 * 86_400_000 && at < Date.parse(to));
    const quiet = (feature: string) => {
      const found = replay.windows.filter(({ drifted }) => drifted.includes(feature)).map(({ from }) => from);
      return check(`${feature} is quiet`, found.length === 0, found.map(day).join(' ') || 'quiet');
    };
    const july = replay.windows.filter(
      ({ monitor, from, faults }) =>
        monitor === 'featureDrift' &&
        from >= Date.parse('2019-06-25') &&
        from < Date.parse('2019-08-01') &&
        faults.some(({ columns }) => columns.includes('payment_type')),
    );
    const joint = july.filter(({ faults }) =>
      faults.some(({ columns }) => columns.includes('vendor_id') && columns.includes('payment_type')),
    );
    const found = (feature: string, from: string, to: string) => of(feature, from, to).map(day).join(' ') || 'none';
    return [
      quiet('trip_distance'),
      quiet('fare_amount'),
      check(
        'vendor_id drifts in 2018-10 to 12',
        of('vendor_id', '2018-10-01', '2019-01-01').length >= 8,
        found('vendor_id', '2018-10-01', '2019-01-01'),
      ),
      check(
        'congestion_surcharge has its first values in 2019-01',
        of('congestion_surcharge', '2019-01-01', '2019-01-31').length >= 1 &&
          of('congestion_surcharge', '2018-07-10', '2018-12-24').length === 0,
        found('congestion_surcharge', '2018-07-10', '2019-01-20'),
      ),
      check(
        'tip_amount steps up from 2019-02',
        of('tip_amount', '2019-02-07', '2019-07-01').length >= 12 &&
          of('tip_amount', '2018-07-10', '2019-01-20').length === 0,
        `${of('tip_amount', '2019-02-07', '2019-07-01').length} windows to July, ${of('tip_amount', '2018-07-10', '2019-01-20').length} before`,
      ),
      check(
        'passenger_count is another in 2019-02 alone',
        of('passenger_count', '2019-02-07', '2019-03-01').length >= 3 &&
          of('passenger_count', '2019-03-14', '2019-06-20').length === 0,
        found('passenger_count', '2019-01-07', '2019-06-20'),
      ),
      check(
        'four columns missing together from 2019-07 are one fault',
        july.length > 0 && joint.length === july.length,
        `${joint.length} of ${july.length} windows`,
      ),
    ];
  },
};

const DROPPED = [
  'reservation_status',
  'reservation_status_date',
  'assigned_room_type',
  'booking_changes',
  'days_in_waiting_list',
];

/** Bookings by the day of booking; the label is known on the day of cancellation or departure. */
const hotel: DriftRun = {
  name: 'hotel_bookings',
  files: ['drift/hotel_bookings/hotel_bookings.csv.gz'],
  prepare: `SELECT * EXCLUDE (${DROPPED.join(', ')}, agent, company, arrival_date_year, arrival_date_month, arrival_date_day_of_month),
      arrival - CAST(lead_time AS INTEGER) AS booked_at, CAST(reservation_status_date AS DATE) AS labelled_at
    FROM (SELECT *, CAST(strptime(arrival_date_year || ' ' || arrival_date_month || ' ' || arrival_date_day_of_month, '%Y %B %d') AS DATE) AS arrival
      FROM read_csv({files}, nullstr = ['NULL', 'NA']))`,
  args: [
    '--time',
    'booked_at',
    '--label',
    'is_canceled',
    '--labelled',
    'labelled_at',
    '--within',
    '180d',
    '--until',
    '2016-03-01',
    '--window',
    '30d',
  ],
  checks: (replay) => {
    const { months, first } = replay.summary;
    const pages = openedOf(replay, 'conceptDrift');
    const early = replay.log.filter(
      ({ at, action }) => action === 'retrain' && at < Date.parse('2016-03-01') + 180 * 86_400_000,
    );
    return [
      check('no version is trained on labels that have had no time', early.length === 0, early.length),
      check(
        'every month has its labels in the end',
        months.every(({ predictions, labelled }) => labelled === predictions),
        `${months.length} months`,
      ),
      check('the first version knows rows from before', first > 10_000, first),
      check('concept pages, shown', true, pages.map(({ at }) => day(at)).join(' ') || 'none'),
    ];
  },
};

/** Rented bicycles by the hour: 63 % more in the second year. */
const bike: DriftRun = {
  name: 'bike_sharing',
  files: ['drift/bike_sharing/hour.csv.gz'],
  prepare: `SELECT CAST(dteday AS TIMESTAMP) + INTERVAL (hr) HOUR AS at, hr, weekday, workingday, holiday, weathersit, temp, hum, windspeed, cnt FROM read_csv({files})`,
  args: [
    '--time',
    'at',
    '--label',
    'cnt',
    '--label-delay',
    '1h',
    '--until',
    '2011-07-01',
    '--window',
    '30d',
    '--retrain',
    '0 4 1 * *',
  ],
  checks: (replay) => {
    const pages = openedOf(replay, 'conceptDrift');
    const faults = openedOf(replay, 'qualityFault');
    return [
      check('the higher level is found', pages.length > 0, pages.map(({ at }) => day(at)).join(' ') || 'none'),
      check('a new version is promoted', promotedOf(replay) > 0, promotedOf(replay)),
      check('nothing is faulty', faults.length === 0, faults.length),
    ];
  },
};

const QUIET = [
  'art_daily_no_noise',
  'art_daily_perfect_square_wave',
  'art_daily_small_noise',
  'art_flatline',
  'art_noisy',
];

/** Series without an anomaly. */
const nab: readonly DriftRun[] = QUIET.map((series) => ({
  name: series,
  files: [`drift/nab/artificialNoAnomaly/${series}.csv.gz`],
  prepare: null,
  args: ['--time', 'timestamp', '--features', 'value', '--window', '2d', '--share', '0.3'],
  checks: (replay) => [
    check('silent', isSilent(replay), replay.log.map(({ action }) => action).join(', ') || 'silent'),
  ],
}));

export const otherRuns: readonly DriftRun[] = [taxi, hotel, bike, ...nab];
