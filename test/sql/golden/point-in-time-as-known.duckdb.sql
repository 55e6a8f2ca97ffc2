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
sums_of_all AS (
  SELECT k_airport, ts, CAST(SUM(flights_n) OVER w AS BIGINT) AS flights_n, COALESCE(flights_n, 0) AS own_flights_n, SUM(mean_delay_total) OVER w AS mean_delay_total, COALESCE(mean_delay_total, 0) AS own_mean_delay_total, CAST(SUM(mean_delay_n) OVER w AS BIGINT) AS mean_delay_n, COALESCE(mean_delay_n, 0) AS own_mean_delay_n, CAST(SUM(late_share_true) OVER w AS BIGINT) AS late_share_true, COALESCE(late_share_true, 0) AS own_late_share_true, CAST(SUM(late_share_n) OVER w AS BIGINT) AS late_share_n, COALESCE(late_share_n, 0) AS own_late_share_n
  FROM (SELECT k_airport, ts, flights_n, mean_delay_total, mean_delay_n, late_share_true, late_share_n FROM instants ORDER BY k_airport, ts) AS o
  WINDOW w AS (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
sums_of_earlier AS (
  SELECT k_airport, ARG_MIN(COALESCE(flights_n, 0) - own_flights_n, ts) AS flights_n, ARG_MIN(COALESCE(mean_delay_total, 0) - own_mean_delay_total, ts) AS mean_delay_total, ARG_MIN(COALESCE(mean_delay_n, 0) - own_mean_delay_n, ts) AS mean_delay_n, ARG_MIN(COALESCE(late_share_true, 0) - own_late_share_true, ts) AS late_share_true, ARG_MIN(COALESCE(late_share_n, 0) - own_late_share_n, ts) AS late_share_n
  FROM sums_of_all
  GROUP BY k_airport
),
running_sums AS (
  SELECT
    a.k_airport,
    a.ts,
    a.flights_n - e.flights_n AS flights_n,
    a.mean_delay_total - e.mean_delay_total AS mean_delay_total,
    a.mean_delay_n - e.mean_delay_n AS mean_delay_n,
    a.late_share_true - e.late_share_true AS late_share_true,
    a.late_share_n - e.late_share_n AS late_share_n
  FROM sums_of_all AS a
  JOIN sums_of_earlier AS e ON a.k_airport = e.k_airport
),
present AS (
  SELECT k_airport, ts, last_delay_last
  FROM instants
  WHERE last_delay_last IS NOT NULL
),
points AS (
  SELECT
    k_airport,
    q,
    q - CAST(3599999 AS BIGINT) AS until,
    (q - CAST(3600000 AS BIGINT)) - MOD(MOD((q - CAST(3600000 AS BIGINT)), CAST(300000 AS BIGINT)) + CAST(300000 AS BIGINT), CAST(300000 AS BIGINT)) AS from_0,
    (q - CAST(86400000 AS BIGINT)) - MOD(MOD((q - CAST(86400000 AS BIGINT)), CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT)) AS from_1
  FROM (
    SELECT DISTINCT r_origin AS k_airport, q
    FROM spine
    WHERE r_origin IS NOT NULL
  ) AS d
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
  ASOF LEFT JOIN running_sums AS l0 ON p.k_airport = l0.k_airport AND p.until > l0.ts
  ASOF LEFT JOIN running_sums AS l1 ON p.k_airport = l1.k_airport AND p.from_0 > l1.ts
  ASOF LEFT JOIN running_sums AS l2 ON p.k_airport = l2.k_airport AND p.from_1 > l2.ts
  ASOF LEFT JOIN present AS l3 ON p.k_airport = l3.k_airport AND p.until > l3.ts
),
extremes AS (
  SELECT k_airport, q, max_delay_max_w0, max_delay_max_w1
  FROM (
    SELECT k_airport, q, MAX(max_delay_max) OVER from_0_frame AS max_delay_max_w0, MAX(max_delay_max) OVER from_1_frame AS max_delay_max_w1
    FROM (
      SELECT k_airport, ts AS t, NULL AS q, NULL AS until, NULL AS from_0, NULL AS from_1, max_delay_max FROM instants
      UNION ALL
      SELECT k_airport, q AS t, q, until, from_0, from_1, NULL AS max_delay_max FROM points
    ) AS u
    WINDOW from_0_frame AS (PARTITION BY k_airport ORDER BY t RANGE BETWEEN (COALESCE(t - from_0, 0)) PRECEDING AND (COALESCE(t - until, 0) + 1) PRECEDING),
      from_1_frame AS (PARTITION BY k_airport ORDER BY t RANGE BETWEEN (COALESCE(t - from_1, 0)) PRECEDING AND (COALESCE(t - until, 0) + 1) PRECEDING)
  ) AS f
  WHERE q IS NOT NULL
),
closed_partials AS (
  SELECT
    a.k_airport,
    a.q,
    CAST(CASE WHEN a.from_0 < a.until THEN COALESCE(a.flights_n_head, 0) - COALESCE(a.flights_n_from_0, 0) ELSE 0 END AS BIGINT) AS flights_n_w0,
    CAST(CASE WHEN a.from_1 < a.until THEN COALESCE(a.flights_n_head, 0) - COALESCE(a.flights_n_from_1, 0) ELSE 0 END AS BIGINT) AS flights_n_w1,
    CASE WHEN a.from_0 < a.until THEN COALESCE(a.mean_delay_total_head, 0) - COALESCE(a.mean_delay_total_from_0, 0) ELSE 0 END AS mean_delay_total_w0,
    CAST(CASE WHEN a.from_0 < a.until THEN COALESCE(a.mean_delay_n_head, 0) - COALESCE(a.mean_delay_n_from_0, 0) ELSE 0 END AS BIGINT) AS mean_delay_n_w0,
    CASE WHEN a.from_1 < a.until THEN COALESCE(a.mean_delay_total_head, 0) - COALESCE(a.mean_delay_total_from_1, 0) ELSE 0 END AS mean_delay_total_w1,
    CAST(CASE WHEN a.from_1 < a.until THEN COALESCE(a.mean_delay_n_head, 0) - COALESCE(a.mean_delay_n_from_1, 0) ELSE 0 END AS BIGINT) AS mean_delay_n_w1,
    CAST(CASE WHEN a.from_0 < a.until THEN COALESCE(a.late_share_true_head, 0) - COALESCE(a.late_share_true_from_0, 0) ELSE 0 END AS BIGINT) AS late_share_true_w0,
    CAST(CASE WHEN a.from_0 < a.until THEN COALESCE(a.late_share_n_head, 0) - COALESCE(a.late_share_n_from_0, 0) ELSE 0 END AS BIGINT) AS late_share_n_w0,
    CAST(CASE WHEN a.from_1 < a.until THEN COALESCE(a.late_share_true_head, 0) - COALESCE(a.late_share_true_from_1, 0) ELSE 0 END AS BIGINT) AS late_share_true_w1,
    CAST(CASE WHEN a.from_1 < a.until THEN COALESCE(a.late_share_n_head, 0) - COALESCE(a.late_share_n_from_1, 0) ELSE 0 END AS BIGINT) AS late_share_n_w1,
    x.max_delay_max_w0 AS max_delay_max_w0,
    x.max_delay_max_w1 AS max_delay_max_w1,
    CASE WHEN a.last_delay_last_ts >= a.from_0 THEN a.last_delay_last END AS last_delay_last_w0,
    CASE WHEN a.last_delay_last_ts >= a.from_1 THEN a.last_delay_last END AS last_delay_last_w1
  FROM looked_up AS a
  LEFT JOIN extremes AS x ON a.k_airport = x.k_airport AND a.q = x.q
),
bucketed_points AS (
  SELECT p.*, q - MOD(MOD(q, CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT)) AS bucket FROM points AS p
  UNION ALL
  SELECT p.*, q - MOD(MOD(q, CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT)) - CAST(3600000 AS BIGINT) AS bucket FROM points AS p
),
bucketed_events AS (
  SELECT e.*, ts - MOD(MOD(ts, CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT)) AS bucket FROM events AS e
),
open_partials AS (
  SELECT
    p.k_airport,
    p.q,
    COUNT(CASE WHEN e.ts >= p.from_0 THEN 1 END) AS flights_n_w0,
    COUNT(CASE WHEN e.ts >= p.from_1 THEN 1 END) AS flights_n_w1,
    SUM(CAST(CASE WHEN e.ts >= p.from_0 THEN i_0 END AS DECIMAL(38,0))) AS mean_delay_total_w0,
    COUNT(CASE WHEN e.ts >= p.from_0 THEN i_0 END) AS mean_delay_n_w0,
    SUM(CAST(CASE WHEN e.ts >= p.from_1 THEN i_0 END AS DECIMAL(38,0))) AS mean_delay_total_w1,
    COUNT(CASE WHEN e.ts >= p.from_1 THEN i_0 END) AS mean_delay_n_w1,
    COUNT(CASE WHEN e.ts >= p.from_0 AND i_1 THEN 1 END) AS late_share_true_w0,
    COUNT(CASE WHEN e.ts >= p.from_0 THEN i_1 END) AS late_share_n_w0,
    COUNT(CASE WHEN e.ts >= p.from_1 AND i_1 THEN 1 END) AS late_share_true_w1,
    COUNT(CASE WHEN e.ts >= p.from_1 THEN i_1 END) AS late_share_n_w1,
    MAX(CASE WHEN e.ts >= p.from_0 THEN i_0 END) AS max_delay_max_w0,
    MAX(CASE WHEN e.ts >= p.from_1 THEN i_0 END) AS max_delay_max_w1,
    MAX(LPAD(CAST(ts + CAST(100000000000000 AS BIGINT) AS STRING), 15, '0') || RPAD(id, 36, ' ') || CAST(CASE WHEN e.ts >= p.from_0 THEN i_0 END AS STRING)) AS last_delay_last_w0,
    MAX(LPAD(CAST(ts + CAST(100000000000000 AS BIGINT) AS STRING), 15, '0') || RPAD(id, 36, ' ') || CAST(CASE WHEN e.ts >= p.from_1 THEN i_0 END AS STRING)) AS last_delay_last_w1
  FROM bucketed_points AS p
  JOIN bucketed_events AS e ON p.k_airport = e.k_airport AND p.bucket = e.bucket AND e.ts >= p.until AND e.ts < p.q AND e.ingest_ts <= p.q
  GROUP BY p.k_airport, p.q
),
partials AS (
  SELECT
    c.k_airport,
    c.q,
    COALESCE(c.flights_n_w0 + o.flights_n_w0, c.flights_n_w0, o.flights_n_w0) AS flights_n_w0,
    COALESCE(c.flights_n_w1 + o.flights_n_w1, c.flights_n_w1, o.flights_n_w1) AS flights_n_w1,
    COALESCE(c.mean_delay_total_w0 + o.mean_delay_total_w0, c.mean_delay_total_w0, o.mean_delay_total_w0) AS mean_delay_total_w0,
    COALESCE(c.mean_delay_n_w0 + o.mean_delay_n_w0, c.mean_delay_n_w0, o.mean_delay_n_w0) AS mean_delay_n_w0,
    COALESCE(c.mean_delay_total_w1 + o.mean_delay_total_w1, c.mean_delay_total_w1, o.mean_delay_total_w1) AS mean_delay_total_w1,
    COALESCE(c.mean_delay_n_w1 + o.mean_delay_n_w1, c.mean_delay_n_w1, o.mean_delay_n_w1) AS mean_delay_n_w1,
    COALESCE(c.late_share_true_w0 + o.late_share_true_w0, c.late_share_true_w0, o.late_share_true_w0) AS late_share_true_w0,
    COALESCE(c.late_share_n_w0 + o.late_share_n_w0, c.late_share_n_w0, o.late_share_n_w0) AS late_share_n_w0,
    COALESCE(c.late_share_true_w1 + o.late_share_true_w1, c.late_share_true_w1, o.late_share_true_w1) AS late_share_true_w1,
    COALESCE(c.late_share_n_w1 + o.late_share_n_w1, c.late_share_n_w1, o.late_share_n_w1) AS late_share_n_w1,
    CASE WHEN o.max_delay_max_w0 IS NULL OR c.max_delay_max_w0 >= o.max_delay_max_w0 THEN c.max_delay_max_w0 ELSE o.max_delay_max_w0 END AS max_delay_max_w0,
    CASE WHEN o.max_delay_max_w1 IS NULL OR c.max_delay_max_w1 >= o.max_delay_max_w1 THEN c.max_delay_max_w1 ELSE o.max_delay_max_w1 END AS max_delay_max_w1,
    CASE WHEN o.last_delay_last_w0 IS NULL OR c.last_delay_last_w0 >= o.last_delay_last_w0 THEN c.last_delay_last_w0 ELSE o.last_delay_last_w0 END AS last_delay_last_w0,
    CASE WHEN o.last_delay_last_w1 IS NULL OR c.last_delay_last_w1 >= o.last_delay_last_w1 THEN c.last_delay_last_w1 ELSE o.last_delay_last_w1 END AS last_delay_last_w1
  FROM closed_partials AS c
  LEFT JOIN open_partials AS o ON c.k_airport = o.k_airport AND c.q = o.q
),
answers AS (
  SELECT
    k_airport,
    q,
    flights_n_w0 AS a_4,
    flights_n_w1 AS a_5,
    CASE WHEN mean_delay_n_w0 > 0 THEN CASE WHEN mean_delay_total_w0 BETWEEN -9007199254740992 AND 9007199254740992 THEN CAST(mean_delay_total_w0 AS DOUBLE) ELSE CAST(CAST(mean_delay_total_w0 AS STRING) AS DOUBLE) END / CAST(mean_delay_n_w0 AS DOUBLE) END AS a_6,
    CASE WHEN mean_delay_n_w1 > 0 THEN CASE WHEN mean_delay_total_w1 BETWEEN -9007199254740992 AND 9007199254740992 THEN CAST(mean_delay_total_w1 AS DOUBLE) ELSE CAST(CAST(mean_delay_total_w1 AS STRING) AS DOUBLE) END / CAST(mean_delay_n_w1 AS DOUBLE) END AS a_7,
    CASE WHEN late_share_n_w0 > 0 THEN CAST(late_share_true_w0 AS DOUBLE) / CAST(late_share_n_w0 AS DOUBLE) END AS a_8,
    CASE WHEN late_share_n_w1 > 0 THEN CAST(late_share_true_w1 AS DOUBLE) / CAST(late_share_n_w1 AS DOUBLE) END AS a_9,
    max_delay_max_w0 AS a_10,
    max_delay_max_w1 AS a_11,
    CAST(SUBSTRING(last_delay_last_w0, 52) AS BIGINT) AS a_12,
    CAST(SUBSTRING(last_delay_last_w1, 52) AS BIGINT) AS a_13
  FROM partials
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