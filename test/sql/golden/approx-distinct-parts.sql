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
    c_destination AS i_0
  FROM accepted
  WHERE c_origin IS NOT NULL
),
tile_counts AS (
  SELECT k_airport, ts - MOD(MOD(ts, CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT)) AS tile_start, COUNT(*) AS n FROM events GROUP BY k_airport, ts - MOD(MOD(ts, CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT))
),
event_parts AS (
  SELECT k_airport, ts, CAST((POSITION(SUBSTRING(digest, 1, 1) IN '0123456789abcdef') - 1) * 256 + (POSITION(SUBSTRING(digest, 2, 1) IN '0123456789abcdef') - 1) * 16 + (POSITION(SUBSTRING(digest, 3, 1) IN '0123456789abcdef') - 1) AS BIGINT) AS part, CAST(4 * (13 - CHAR_LENGTH(TRIM(LEADING '0' FROM SUBSTRING(digest, 4, 13)))) + CASE WHEN TRIM(LEADING '0' FROM SUBSTRING(digest, 4, 13)) = '' THEN 1 WHEN SUBSTRING(TRIM(LEADING '0' FROM SUBSTRING(digest, 4, 13)), 1, 1) >= '8' THEN 1 WHEN SUBSTRING(TRIM(LEADING '0' FROM SUBSTRING(digest, 4, 13)), 1, 1) >= '4' THEN 2 WHEN SUBSTRING(TRIM(LEADING '0' FROM SUBSTRING(digest, 4, 13)), 1, 1) >= '2' THEN 3 ELSE 4 END AS BIGINT) AS val
  FROM (SELECT k_airport, ts, MD5(i_0) AS digest FROM events) AS h
  WHERE digest IS NOT NULL
),
tile_parts AS (
  SELECT k_airport, ts - MOD(MOD(ts, CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT)) AS tile_start, part, MAX(val) AS val
  FROM event_parts
  GROUP BY k_airport, ts - MOD(MOD(ts, CAST(3600000 AS BIGINT)) + CAST(3600000 AS BIGINT), CAST(3600000 AS BIGINT)), part
)
SELECT
  p.k_airport,
  p.tile_start,
  CAST(0 AS BIGINT) * CAST(1099511627776 AS BIGINT) + c.n AS version,
  p.part,
  p.val AS part_value
FROM tile_parts AS p
JOIN tile_counts AS c ON p.k_airport = c.k_airport AND p.tile_start = c.tile_start