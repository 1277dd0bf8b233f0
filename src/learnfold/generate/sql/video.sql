-- Videos watched, mostly in the weeks they come out, each in several sittings.
INSERT INTO video_topic BY NAME
WITH sat AS (
  SELECT *, unnest(range(videos)) AS nth FROM sessions WHERE videos > 0
), drawn AS (
  SELECT
    draw(h, nth) AS h,
    started_us + seconds_us((nth + 1) * slot_seconds + 20 * chance(h, nth)) AS us,
    user_id, role, session_id, day, slot_seconds,
    courses[1 + floor(chance(h, -1 - nth) ** 1.3 * len(courses))::INTEGER] AS course_number
  FROM sat
), offered AS (
  SELECT
    drawn.*,
    course_id,
    courses.h AS course_h,
    1 + day * videos_a_week // 7 AS released,
    CASE WHEN chance(drawn.h, 'recent') < 0.75 THEN least(released, videos_a_week) ELSE released END AS shelf,
    released - below(drawn.h, 'one', shelf) AS one,
    released - below(drawn.h, 'other', shelf) AS other
  FROM drawn JOIN courses USING (course_number)
  WHERE due(us)
), chosen AS (
  -- of two videos the catchier one
  SELECT
    *,
    CASE WHEN draw(course_h, one) > draw(course_h, other) THEN one ELSE other END AS number,
    draw(course_h, number) AS video_h,
    chance(video_h, 'appeal') AS appeal
  FROM offered
)
SELECT
  h,
  us,
  CASE WHEN chance(h, 'marks') < 0.0003 THEN 'VIDEO_BOOKMARKED' ELSE 'VIDEO_WATCHED' END AS event_type,
  user_id,
  role,
  course_id || '-V' || (100 + number) AS video_id,
  course_id,
  session_id,
  CASE
    WHEN appeal < 0.05 THEN 5 + 80 * chance(h, 'watches')    -- most leave within a minute
    WHEN appeal < 0.17 THEN 50 + 160 * chance(h, 'watches')
    ELSE least(slot_seconds, (240 + 2160 * chance(video_h, 'length')) * (0.1 + 0.9 * chance(h, 'watches') ** 0.7))
  END::INTEGER AS watch_duration_seconds,
  CASE WHEN event_type <> 'VIDEO_WATCHED' THEN watch_duration_seconds END::DOUBLE AS played_seconds,  -- viewings are told whole
  (240 + 2160 * chance(video_h, 'length'))::INTEGER AS video_length_seconds,
  -- some players tell which stretch it was
  CASE WHEN chance(h, 'stretch') < 0.3
    THEN floor(chance(h, 'from') * greatest(0, video_length_seconds - watch_duration_seconds)) END::DOUBLE AS from_second,
  (from_second + watch_duration_seconds)::DOUBLE AS to_second
FROM chosen;
