WITH
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
)
SELECT
  k_airport,
  ts - MOD(MOD(ts, CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT)) AS tile_start,
  COUNT(*) AS n,
  CAST(0 AS BIGINT) * CAST(1099511627776 AS BIGINT) + COUNT(*) AS version,
  MAX(ts) AS max_ts,
  COUNT(*) AS flights_n,
  SUM(CAST(i_0 AS DECIMAL(38,0))) AS mean_delay_sum,
  COUNT(i_0) AS mean_delay_n,
  COUNT(CASE WHEN i_1 THEN 1 END) AS late_share_true,
  COUNT(i_1) AS late_share_n,
  MAX(i_0) AS max_delay_max,
  MAX(LPAD(CAST(ts + CAST(100000000000000 AS BIGINT) AS STRING), 15, '0') || RPAD(id, 36, ' ') || CAST(i_0 AS STRING)) AS last_delay_last
FROM events
GROUP BY k_airport, ts - MOD(MOD(ts, CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT))