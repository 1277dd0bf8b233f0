-- What people read and write in discussions: most only read.
INSERT INTO forum_topic BY NAME
WITH visited AS (
  SELECT
    draw(h, 'forum') AS h,
    started_us + seconds_us(60 * chance(h, 'forum time')) AS us,
    user_id, role,
    courses[1 + below(h, 'forum course', len(courses))] AS course_number
  FROM sessions
  WHERE chance(h, 'forum') < 0.1
), chosen AS (
  SELECT visited.*, course_id, chance(visited.h, 'act') AS act, 1 + below(visited.h, 'thread', 12) AS thread
  FROM visited JOIN courses USING (course_number)
  WHERE due(us)
)
SELECT
  h, us, user_id, role, course_id,
  CASE WHEN act < 0.7 THEN 'POST_VIEWED' WHEN act < 0.9 THEN CASE WHEN chance(h, 'reply') < 0.8 THEN 'REPLY_CREATED' ELSE 'POST_CREATED' END WHEN act < 0.97 THEN 'POST_LIKED'
    ELSE 'THREAD_FOLLOWED' END AS event_type,
  course_id || '-F1' AS forum_id,
  course_id || '-T' || thread AS thread_id,
  CASE WHEN event_type <> 'THREAD_FOLLOWED' THEN thread_id || '-P' || (1 + below(h, 'post', 20)) END AS post_id,
  CASE WHEN event_type = 'REPLY_CREATED' THEN thread_id || '-P' || (1 + below(h, 'parent', 20)) END AS parent_id
FROM chosen;
