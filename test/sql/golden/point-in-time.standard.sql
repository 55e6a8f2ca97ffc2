WITH
spine AS (
  SELECT
    s."_id" AS id,
    s."_at" AS q,
    s."origin" AS r_origin,
    s."destination" AS r_destination
  FROM spine AS s
),
deliveries AS (
  SELECT
    s."id" AS c_id,
    s."at" AS c_at,
    s."origin" AS c_origin,
    s."destination" AS c_destination,
    s."delay" AS c_delay,
    s."_ingest_ts" AS ingest_ts,
    s."_partition" AS partition_no,
    s."_offset" AS log_offset,
    s."_verdict" AS verdict
  FROM departures AS s
),
unjudged AS (
  SELECT
    s."id" AS c_id,
    s."at" AS c_at,
    s."origin" AS c_origin,
    s."destination" AS c_destination,
    s."delay" AS c_delay,
    s."_ingest_ts" AS ingest_ts,
    s."_partition" AS partition_no,
    s."_offset" AS log_offset,
    s."_verdict" AS verdict
  FROM departures AS s
  WHERE s."_verdict" IS NULL
),
accepted AS (
  SELECT
    c_id,
    c_at,
    c_origin,
    c_destination,
    c_delay,
    ingest_ts,
    partition_no,
    log_offset
  FROM deliveries
  WHERE verdict = 'accepted'
    AND c_at - ingest_ts <= CAST(60000 AS BIGINT)
    AND ingest_ts - c_at <= CAST(3600000 AS BIGINT)
    AND ingest_ts >= (SELECT MIN(q) FROM spine) - CAST(90060000 AS BIGINT)
    AND ingest_ts <= (SELECT MAX(q) FROM spine) + CAST(3600000 AS BIGINT)
  UNION ALL
  SELECT
    c_id,
    c_at,
    c_origin,
    c_destination,
    c_delay,
    ingest_ts,
    partition_no,
    log_offset
  FROM (
    SELECT
      c_id,
      c_at,
      c_origin,
      c_destination,
      c_delay,
      ingest_ts,
      partition_no,
      log_offset,
      ROW_NUMBER() OVER (PARTITION BY c_id ORDER BY partition_no, log_offset) AS delivery_no
    FROM unjudged
    WHERE c_at - ingest_ts <= CAST(60000 AS BIGINT)
      AND ingest_ts - c_at <= CAST(3600000 AS BIGINT)
      AND ingest_ts >= (SELECT MIN(q) FROM spine) - CAST(93720000 AS BIGINT)
  ) AS d
  WHERE delivery_no = 1
),
events AS (
  SELECT
    c_origin AS k_airport,
    c_id AS id,
    c_at AS ts,
    ingest_ts,
    c_delay AS i_0,
    (c_delay > CAST(15 AS BIGINT)) AS i_1
  FROM accepted
  WHERE c_origin IS NOT NULL
    AND c_at >= (SELECT MIN(q) FROM spine) - CAST(90000000 AS BIGINT)
    AND c_at < (SELECT MAX(q) FROM spine)
    AND EXISTS (SELECT 1 FROM spine AS s WHERE s.r_origin = c_origin)
),
instants AS (
  SELECT
    k_airport,
    ts,
    COUNT(*) AS n,
    COUNT(*) AS flights_n,
    SUM(CAST(i_0 AS DECIMAL(38,0))) AS mean_delay_total,
    COUNT(i_0) AS mean_delay_n,
    COUNT(CASE WHEN i_1 THEN 1 END) AS late_share_true,
    COUNT(i_1) AS late_share_n,
    MAX(i_0) AS max_delay_max,
    MAX(LPAD(CAST(ts + CAST(100000000000000 AS BIGINT) AS STRING), 15, '0') || RPAD(id, 36, ' ') || CAST(i_0 AS STRING)) AS last_delay_last
  FROM events
  GROUP BY k_airport, ts
),
running_sums AS (
  SELECT
    k_airport,
    ts,
    CAST(SUM(flights_n) OVER (PARTITION BY k_airport ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS flights_n,
    SUM(mean_delay_total) OVER (PARTITION BY k_airport ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS mean_delay_total,
    CAST(SUM(mean_delay_n) OVER (PARTITION BY k_airport ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS mean_delay_n,
    CAST(SUM(late_share_true) OVER (PARTITION BY k_airport ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS late_share_true,
    CAST(SUM(late_share_n) OVER (PARTITION BY k_airport ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS late_share_n
  FROM instants
),
numbered AS (
  SELECT k_airport, flights_n, mean_delay_total, mean_delay_n, late_share_true, late_share_n, ROW_NUMBER() OVER (PARTITION BY k_airport ORDER BY ts) AS place
  FROM running_sums
),
points AS (
  SELECT
    k_airport,
    q,
    q AS until,
    (q - CAST(3600000 AS BIGINT)) - MOD(MOD((q - CAST(3600000 AS BIGINT)), CAST(300000 AS BIGINT)) + CAST(300000 AS BIGINT), CAST(300000 AS BIGINT)) AS from_0,
    (q - CAST(86400000 AS BIGINT)) - MOD(MOD((q - CAST(86400000 AS BIGINT)), CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT)) AS from_1
  FROM (
    SELECT DISTINCT r_origin AS k_airport, q
    FROM spine
    WHERE r_origin IS NOT NULL
  ) AS d
),
counted AS (
  SELECT k_airport, bound, place
  FROM (
    SELECT k_airport, bound, is_row, SUM(is_row) OVER (PARTITION BY k_airport ORDER BY bound, is_row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS place
    FROM (
      SELECT k_airport, ts AS bound, 1 AS is_row FROM running_sums
      UNION ALL
      SELECT DISTINCT k_airport, until AS bound, 0 AS is_row FROM points
    ) AS u
  ) AS c
  WHERE is_row = 0
),
counted_2 AS (
  SELECT k_airport, bound, place
  FROM (
    SELECT k_airport, bound, is_row, SUM(is_row) OVER (PARTITION BY k_airport ORDER BY bound, is_row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS place
    FROM (
      SELECT k_airport, ts AS bound, 1 AS is_row FROM running_sums
      UNION ALL
      SELECT DISTINCT k_airport, from_0 AS bound, 0 AS is_row FROM points
    ) AS u
  ) AS c
  WHERE is_row = 0
),
counted_3 AS (
  SELECT k_airport, bound, place
  FROM (
    SELECT k_airport, bound, is_row, SUM(is_row) OVER (PARTITION BY k_airport ORDER BY bound, is_row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS place
    FROM (
      SELECT k_airport, ts AS bound, 1 AS is_row FROM running_sums
      UNION ALL
      SELECT DISTINCT k_airport, from_1 AS bound, 0 AS is_row FROM points
    ) AS u
  ) AS c
  WHERE is_row = 0
),
present AS (
  SELECT k_airport, ts, last_delay_last
  FROM instants
  WHERE last_delay_last IS NOT NULL
),
numbered_2 AS (
  SELECT k_airport, ts, last_delay_last, ROW_NUMBER() OVER (PARTITION BY k_airport ORDER BY ts) AS place
  FROM present
),
counted_4 AS (
  SELECT k_airport, bound, place
  FROM (
    SELECT k_airport, bound, is_row, SUM(is_row) OVER (PARTITION BY k_airport ORDER BY bound, is_row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS place
    FROM (
      SELECT k_airport, ts AS bound, 1 AS is_row FROM present
      UNION ALL
      SELECT DISTINCT k_airport, until AS bound, 0 AS is_row FROM points
    ) AS u
  ) AS c
  WHERE is_row = 0
),
looked_up AS (
  SELECT
    p.k_airport,
    p.q,
    p.until,
    p.from_0,
    p.from_1,
    l0.flights_n AS flights_n_head,
    l0.mean_delay_total AS mean_delay_total_head,
    l0.mean_delay_n AS mean_delay_n_head,
    l0.late_share_true AS late_share_true_head,
    l0.late_share_n AS late_share_n_head,
    l1.flights_n AS flights_n_from_0,
    l1.mean_delay_total AS mean_delay_total_from_0,
    l1.mean_delay_n AS mean_delay_n_from_0,
    l1.late_share_true AS late_share_true_from_0,
    l1.late_share_n AS late_share_n_from_0,
    l2.flights_n AS flights_n_from_1,
    l2.mean_delay_total AS mean_delay_total_from_1,
    l2.mean_delay_n AS mean_delay_n_from_1,
    l2.late_share_true AS late_share_true_from_1,
    l2.late_share_n AS late_share_n_from_1,
    l3.ts AS last_delay_last_ts,
    l3.last_delay_last AS last_delay_last
  FROM points AS p
  LEFT JOIN counted AS b0 ON p.k_airport = b0.k_airport AND p.until = b0.bound
  LEFT JOIN numbered AS l0 ON p.k_airport = l0.k_airport AND l0.place = b0.place
  LEFT JOIN counted_2 AS b1 ON p.k_airport = b1.k_airport AND p.from_0 = b1.bound
  LEFT JOIN numbered AS l1 ON p.k_airport = l1.k_airport AND l1.place = b1.place
  LEFT JOIN counted_3 AS b2 ON p.k_airport = b2.k_airport AND p.from_1 = b2.bound
  LEFT JOIN numbered AS l2 ON p.k_airport = l2.k_airport AND l2.place = b2.place
  LEFT JOIN counted_4 AS b3 ON p.k_airport = b3.k_airport AND p.until = b3.bound
  LEFT JOIN numbered_2 AS l3 ON p.k_airport = l3.k_airport AND l3.place = b3.place
),
bucketed_points AS (
  SELECT p.*, q - MOD(MOD(q, CAST(90000000 AS BIGINT)) + CAST(90000000 AS BIGINT), CAST(90000000 AS BIGINT)) AS bucket FROM points AS p
  UNION ALL
  SELECT p.*, q - MOD(MOD(q, CAST(90000000 AS BIGINT)) + CAST(90000000 AS BIGINT), CAST(90000000 AS BIGINT)) - CAST(90000000 AS BIGINT) AS bucket FROM points AS p
),
bucketed_events AS (
  SELECT e.*, ts - MOD(MOD(ts, CAST(90000000 AS BIGINT)) + CAST(90000000 AS BIGINT), CAST(90000000 AS BIGINT)) AS bucket FROM instants AS e
),
extremes AS (
  SELECT
    p.k_airport,
    p.q,
    MAX(CASE WHEN e.ts >= p.from_0 THEN e.max_delay_max END) AS max_delay_max_w0,
    MAX(CASE WHEN e.ts >= p.from_1 THEN e.max_delay_max END) AS max_delay_max_w1
  FROM bucketed_points AS p
  JOIN bucketed_events AS e ON p.k_airport = e.k_airport AND p.bucket = e.bucket AND (e.ts >= p.from_0 OR e.ts >= p.from_1) AND e.ts < p.until
  GROUP BY p.k_airport, p.q
),
closed_partials AS (
  SELECT
    a.k_airport,
    a.q,
    CAST(COALESCE(a.flights_n_head, 0) - COALESCE(a.flights_n_from_0, 0) AS BIGINT) AS flights_n_w0,
    CAST(COALESCE(a.flights_n_head, 0) - COALESCE(a.flights_n_from_1, 0) AS BIGINT) AS flights_n_w1,
    COALESCE(a.mean_delay_total_head, 0) - COALESCE(a.mean_delay_total_from_0, 0) AS mean_delay_total_w0,
    CAST(COALESCE(a.mean_delay_n_head, 0) - COALESCE(a.mean_delay_n_from_0, 0) AS BIGINT) AS mean_delay_n_w0,
    COALESCE(a.mean_delay_total_head, 0) - COALESCE(a.mean_delay_total_from_1, 0) AS mean_delay_total_w1,
    CAST(COALESCE(a.mean_delay_n_head, 0) - COALESCE(a.mean_delay_n_from_1, 0) AS BIGINT) AS mean_delay_n_w1,
    CAST(COALESCE(a.late_share_true_head, 0) - COALESCE(a.late_share_true_from_0, 0) AS BIGINT) AS late_share_true_w0,
    CAST(COALESCE(a.late_share_n_head, 0) - COALESCE(a.late_share_n_from_0, 0) AS BIGINT) AS late_share_n_w0,
    CAST(COALESCE(a.late_share_true_head, 0) - COALESCE(a.late_share_true_from_1, 0) AS BIGINT) AS late_share_true_w1,
    CAST(COALESCE(a.late_share_n_head, 0) - COALESCE(a.late_share_n_from_1, 0) AS BIGINT) AS late_share_n_w1,
    x.max_delay_max_w0 AS max_delay_max_w0,
    x.max_delay_max_w1 AS max_delay_max_w1,
    CASE WHEN a.last_delay_last_ts >= a.from_0 THEN a.last_delay_last END AS last_delay_last_w0,
    CASE WHEN a.last_delay_last_ts >= a.from_1 THEN a.last_delay_last END AS last_delay_last_w1
  FROM looked_up AS a
  LEFT JOIN extremes AS x ON a.k_airport = x.k_airport AND a.q = x.q
),
answers AS (
  SELECT
    k_airport,
    q,
    flights_n_w0 AS a_4,
    flights_n_w1 AS a_5,
    CASE WHEN mean_delay_n_w0 > 0 THEN CAST(CAST(mean_delay_total_w0 AS STRING) AS DOUBLE) / CAST(mean_delay_n_w0 AS DOUBLE) END AS a_6,
    CASE WHEN mean_delay_n_w1 > 0 THEN CAST(CAST(mean_delay_total_w1 AS STRING) AS DOUBLE) / CAST(mean_delay_n_w1 AS DOUBLE) END AS a_7,
    CASE WHEN late_share_n_w0 > 0 THEN CAST(late_share_true_w0 AS DOUBLE) / CAST(late_share_n_w0 AS DOUBLE) END AS a_8,
    CASE WHEN late_share_n_w1 > 0 THEN CAST(late_share_true_w1 AS DOUBLE) / CAST(late_share_n_w1 AS DOUBLE) END AS a_9,
    max_delay_max_w0 AS a_10,
    max_delay_max_w1 AS a_11,
    CAST(SUBSTRING(last_delay_last_w0, 52) AS BIGINT) AS a_12,
    CAST(SUBSTRING(last_delay_last_w1, 52) AS BIGINT) AS a_13
  FROM closed_partials
),
generations AS (
  SELECT
    s."k_airport" AS k_airport,
    s."generation" AS generation,
    s."as_of" AS as_of,
    s."visible_from" AS visible_from,
    s."f_mean_delay" AS f_mean_delay
  FROM history AS s
),
spans AS (
  SELECT generation, as_of, visible_from, LEAD(visible_from) OVER (ORDER BY visible_from, generation) AS visible_until
  FROM (SELECT DISTINCT generation, as_of, visible_from FROM generations) AS g
),
asked AS (
  SELECT DISTINCT r_origin AS k_airport, q
  FROM spine
  WHERE r_origin IS NOT NULL
),
spans_of_instants AS (
  SELECT d.q, s.generation, s.as_of
  FROM (SELECT DISTINCT q FROM asked) AS d
  JOIN spans AS s ON s.visible_from <= d.q AND (s.visible_until IS NULL OR s.visible_until > d.q)
),
visible AS (
  SELECT
    p.k_airport,
    p.q,
    i.generation,
    i.as_of,
    t.f_mean_delay
  FROM asked AS p
  JOIN spans_of_instants AS i ON i.q = p.q
  LEFT JOIN generations AS t ON p.k_airport = t.k_airport AND t.generation = i.generation
),
answers_2 AS (
  SELECT
    k_airport,
    q,
    f_mean_delay AS a_14
  FROM visible
)
SELECT
  s.id AS "_id",
  s.q AS "_at",
  s.r_origin AS "origin",
  s.r_destination AS "destination",
  v0.a_4 AS "origin_flights_1h",
  v0.a_5 AS "origin_flights_1d",
  v0.a_6 AS "origin_mean_delay_1h",
  v0.a_7 AS "origin_mean_delay_1d",
  v0.a_8 AS "origin_late_share_1h",
  v0.a_9 AS "origin_late_share_1d",
  v0.a_10 AS "origin_max_delay_1h",
  v0.a_11 AS "origin_max_delay_1d",
  v0.a_12 AS "origin_last_delay_1h",
  v0.a_13 AS "origin_last_delay_1d",
  v1.a_14 AS "history_mean_delay"
FROM spine AS s
LEFT JOIN answers AS v0 ON v0.k_airport = s.r_origin AND v0.q = s.q
LEFT JOIN answers_2 AS v1 ON v1.k_airport = s.r_origin AND v1.q = s.q