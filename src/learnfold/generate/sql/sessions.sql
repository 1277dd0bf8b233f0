-- The sessions of the days being made and of the day before, which may last into them.
CREATE OR REPLACE TABLE sessions AS
WITH opened AS (
  SELECT *, unnest(range(how_many(day_h, 'sessions', likely * getvariable('sessions_a_pull')))) AS nth
  FROM attendance
  WHERE day >= getvariable('from_day') - 1 AND day < getvariable('until_day')
), drawn AS (
  SELECT *, draw(day_h, nth) AS session_h FROM opened
), filled AS (
  SELECT
    * EXCLUDE (h, day_h, session_h),
    session_h AS h,
    CASE WHEN role = 'student' AND NOT coalesce(trouble = 'stops_watching' AND day >= trouble_day, false)
      THEN how_many(session_h, 'videos', likes_videos * getvariable('videos_a_session')) ELSE 0 END
      AS videos,                                                          -- sittings
    how_many(session_h, 'items', getvariable('items_a_session')) AS items,  -- course events
    least(200 + 1400 * chance(session_h, 'pace') ** 1.5, 21600 / greatest(1, videos)) AS slot_seconds  -- a sitting's time
  FROM drawn
)
SELECT
  h,
  user_id,
  role,
  courses,
  day,
  'S' || lower(to_hex(h)) AS session_id,
  midnight_us(day) + CASE WHEN chance(h, 'any hour') < 0.2 THEN waking_us(h, 'hour')
    ELSE seconds_us((CASE WHEN chance(h, 'favourite') < 0.65 THEN first_hour ELSE second_hour END * 3600
      + 5400 * noise(h, 'hour') + 64800) % 64800) END AS started_us,
  seconds_us(videos * slot_seconds + items * 35 + 60 + 120 * chance(h, 'idle')) AS length_us,
  slot_seconds,
  videos,
  items
FROM filled;
