-- How one topic's events reach the master dataset: some late, some twice, some broken on the way. day counts the semester's
-- days; file is 0 for what came in time and 1 for what came later; flaw says how an event is broken (NULL: sound); how, from
-- 0 to 1, says how an event came again (NULL: it didn't), and copy whether this is the copy.
CREATE OR REPLACE TEMP TABLE deliveries AS
WITH events AS NOT MATERIALIZED (  -- read up to three times: cheaper than keeping it
  SELECT
    *,
    CASE WHEN NOT (getvariable('awkward') AND NOT planted AND chance(h, 'nameless') < 0.01) THEN uuid_of(h) END AS event_id,
    ((us - getvariable('start_us')) // 86400000000)::INTEGER AS day,
    (hash(user_id) % 3)::INTEGER AS kafka_partition,
    -- without an event_id only its place in Kafka shows that an event came again: it keeps its place
    CASE WHEN getvariable('duplicates') > 0 AND (planted OR chance(h, 'copied') < getvariable('duplicates'))
      THEN chance(h, 'how') * CASE WHEN event_id IS NULL THEN 0.4 ELSE 1 END END AS how,
    CASE WHEN getvariable('late') > 0 AND chance(h, 'late') < getvariable('late') THEN 1 ELSE 0 END AS file
  FROM query_table(getvariable('topic'))
), delivered AS NOT MATERIALIZED (
  -- of those copied with a later time, half come after their copy
  SELECT * REPLACE (CASE WHEN how BETWEEN 0.75 AND 0.825 THEN 1 ELSE file END AS file), false AS copy, NULL::VARCHAR AS flaw
  FROM events
  UNION ALL
  SELECT
    * REPLACE (
      CASE WHEN how BETWEEN 0.75 AND 0.825 THEN 0 WHEN chance(h, 'other file') < 0.5 THEN 1 ELSE file END AS file,
      CASE WHEN how BETWEEN 0.75 AND 0.9
        THEN least(us + seconds_us(3600 * chance(h, 'later')), midnight_us(day + 1) - 1) ELSE us END AS us
    ),
    true,
    NULL
  FROM events
  WHERE how >= 0.4
  UNION ALL
  SELECT * REPLACE (draw(h, 'flaw') AS h, uuid_of(draw(h, 'flaw')) AS event_id, false AS planted, NULL AS how), false,
    pick(h, 'which flaw', getvariable('flaws'))
  FROM events
  WHERE getvariable('malformed') > 0 AND chance(h, 'malformed') < getvariable('malformed')
)
SELECT
  *,
  row_number() OVER (PARTITION BY day, kafka_partition ORDER BY file, us, h, copy) AS nth,  -- in its day and partition, from 1
  CASE file WHEN 0 THEN us ELSE midnight_us(day + 1) + seconds_us(7200 * chance(h, 'lateness')) END
    + seconds_us(0.02 + 2 * chance(h, 'latency')) AS kafka_us,
  CASE WHEN getvariable('out_of_order') > 0 AND chance(h, 'shuffled') < getvariable('out_of_order')
    THEN midnight_us(day) + waking_us(h, 'shuffle') ELSE us END AS sort_us
FROM delivered;

-- The rest of the copies were one message in Kafka, read twice: they have its place.
INSERT INTO deliveries BY NAME
SELECT * REPLACE (true AS copy, CASE WHEN chance(h, 'other file') < 0.5 THEN 1 ELSE file END AS file)
FROM deliveries
WHERE how < 0.4 AND NOT copy;

-- The last of the copies say something else than the event, something greater: the event itself is kept (delivery.py).
