-- What is watched, by whom, for how long, and where people drop off.
-- order: 3

-- Viewings of videos; only VIDEO_WATCHED is counted, other types are kept.
CREATE TABLE video_topic (
  video_id               VARCHAR,                                      -- the video; NULL when not said (names no person)
  course_id              VARCHAR,                                      -- the course it was watched in; NULL when not said (names no person)
  session_id             VARCHAR,                                      -- the visit; NULL when the platform has no sessions (names no person)
  watch_duration_seconds INTEGER CHECK (watch_duration_seconds >= 0),  -- seconds watched in this viewing; NULL when not measured
  played_seconds         DOUBLE CHECK (played_seconds BETWEEN 0 AND 1e12),  -- seconds watched so far in this visit, as players tell it; NULL when not told
  video_length_seconds   INTEGER CHECK (video_length_seconds > 0),     -- how long the video is; NULL when not said
  from_second            DOUBLE CHECK (from_second >= 0),              -- where in the video the stretch that was watched begins; NULL when not said
  to_second              DOUBLE CHECK (to_second >= 0),                -- where in the video the stretch that was watched ends; NULL when not said
);

-- Every viewing, folded by day: the seconds a student spent on a video. Those that tell a running total are timed by it, below.
CREATE TABLE video_watches AS
SELECT
  date,
  user_id,
  video_id,
  course_id,
  count(*)                      AS watches,           -- viewings, untimed ones too
  count(watch_duration_seconds) FILTER (played_seconds IS NULL) AS timed_watches,    -- viewings that say how long they took
  sum(watch_duration_seconds) FILTER (played_seconds IS NULL)   AS watch_seconds,    -- seconds together; NULL when none is timed
  max(watch_duration_seconds) FILTER (played_seconds IS NULL)   AS longest_seconds,  -- seconds of the longest viewing; NULL when none is timed
  min(watch_duration_seconds) FILTER (played_seconds IS NULL)   AS shortest_seconds  -- seconds of the shortest viewing; NULL when none is timed
FROM video_topic
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY ALL;

-- The running total of each visit to a video, as its player tells it: of a visit the greatest counts, once.
CREATE TABLE video_visits AS
SELECT
  date,
  user_id,
  video_id,
  course_id,
  session_id,
  max(CAST(played_seconds AS DECIMAL(28, 3))) AS played_seconds  -- seconds watched in the visit by then
FROM video_topic
WHERE event_type = 'VIDEO_WATCHED' AND played_seconds IS NOT NULL
GROUP BY ALL;

-- How long each student watched each video, in all sittings together.
-- check: shortest_session_seconds <= longest_session_seconds
CREATE VIEW video_total_watch_time AS
SELECT
  user_id,
  video_id,
  course_id,
  CAST(sum(watch_seconds) AS DOUBLE)                   AS total_watch_seconds,         -- seconds; NULL when no viewing is timed
  sum(watches)                                         AS total_watch_sessions,        -- viewings
  CAST(sum(watch_seconds) AS DOUBLE) / nullif(sum(timed_watches), 0)   AS avg_watch_duration_seconds,  -- seconds a timed viewing; NULL when none is timed
  max(longest_seconds)                AS longest_session_seconds,     -- seconds; NULL when no viewing is timed
  min(shortest_seconds)               AS shortest_session_seconds,    -- seconds; NULL when no viewing is timed
  CAST(sum(watch_seconds) AS DOUBLE) / 60e0                            AS total_watch_minutes,         -- minutes; NULL when no viewing is timed
  CAST(sum(watch_seconds) AS DOUBLE) / 3600e0                          AS total_watch_hours            -- hours; NULL when no viewing is timed
FROM (
  SELECT user_id, video_id, course_id, sum(watches) AS watches, sum(timed_watches) AS timed_watches, CAST(sum(watch_seconds) AS DECIMAL(28, 3)) AS watch_seconds, max(longest_seconds)AS longest_seconds, min(shortest_seconds)AS shortest_seconds
  FROM video_watches
  GROUP BY ALL
  UNION ALL
  SELECT user_id, video_id, course_id, 0, 1, played_seconds, CAST(played_seconds AS DOUBLE), CAST(played_seconds AS DOUBLE)
  FROM (
    SELECT user_id, video_id, course_id, session_id, max(played_seconds) AS played_seconds
    FROM video_visits
    GROUP BY ALL
  ) AS visits
) AS watched
GROUP BY ALL;

-- How much each student watches in each course.
-- check: unique_videos_watched <= total_video_events
CREATE VIEW video_student_engagement AS
SELECT
  user_id,
  course_id,
  count(DISTINCT video_id)                             AS unique_videos_watched,       -- different videos
  CAST(sum(watch_seconds) AS DOUBLE)                   AS total_watch_seconds,         -- seconds; NULL when no viewing is timed
  sum(watches)                                         AS total_video_events,          -- viewings
  CAST(sum(watch_seconds) AS DOUBLE) / nullif(sum(timed_watches), 0)   AS avg_watch_duration_seconds,  -- seconds a timed viewing; NULL when none is timed
  CAST(sum(watch_seconds) AS DOUBLE) / 3600e0                          AS total_watch_hours            -- hours; NULL when no viewing is timed
FROM (
  SELECT user_id, video_id, course_id, sum(watches) AS watches, sum(timed_watches) AS timed_watches, CAST(sum(watch_seconds) AS DECIMAL(28, 3)) AS watch_seconds
  FROM video_watches
  GROUP BY ALL
  UNION ALL
  SELECT user_id, video_id, course_id, 0, 1, played_seconds
  FROM (
    SELECT user_id, video_id, course_id, session_id, max(played_seconds) AS played_seconds
    FROM video_visits
    GROUP BY ALL
  ) AS visits
) AS watched
GROUP BY ALL;

-- How many people each video reached, and for how long.
-- check: unique_viewers <= total_view_events
CREATE VIEW video_popularity AS
SELECT
  video_id,
  course_id,
  count(DISTINCT user_id)                              AS unique_viewers,             -- people, not plays
  CAST(sum(watch_seconds) AS DOUBLE)                   AS total_views_seconds,        -- seconds; NULL when no viewing is timed
  sum(watches)                                         AS total_view_events,          -- viewings
  CAST(sum(watch_seconds) AS DOUBLE) / nullif(sum(timed_watches), 0)   AS avg_view_duration_seconds,  -- seconds a timed viewing; NULL when none is timed
  CAST(sum(watch_seconds) AS DOUBLE) / 3600e0                          AS total_views_hours           -- hours; NULL when no viewing is timed
FROM (
  SELECT user_id, video_id, course_id, sum(watches) AS watches, sum(timed_watches) AS timed_watches, CAST(sum(watch_seconds) AS DECIMAL(28, 3)) AS watch_seconds
  FROM video_watches
  GROUP BY ALL
  UNION ALL
  SELECT user_id, video_id, course_id, 0, 1, played_seconds
  FROM (
    SELECT user_id, video_id, course_id, session_id, max(played_seconds) AS played_seconds
    FROM video_visits
    GROUP BY ALL
  ) AS visits
) AS watched
GROUP BY ALL;

-- What is watched each day.
-- check: active_video_watchers <= total_watch_events
CREATE VIEW video_daily_engagement AS
SELECT
  date,
  course_id,
  count(DISTINCT user_id)             AS active_video_watchers,  -- people who watched that day
  count(DISTINCT video_id)            AS unique_videos_watched,  -- different videos that day
  CAST(sum(watch_seconds) AS DOUBLE)  AS total_watch_seconds,    -- seconds; NULL when no viewing is timed
  sum(watches)                        AS total_watch_events,     -- viewings
  CAST(sum(watch_seconds) AS DOUBLE) / 3600e0         AS total_watch_hours       -- hours; NULL when no viewing is timed
FROM (
  SELECT date, user_id, video_id, course_id, sum(watches) AS watches, CAST(sum(watch_seconds) AS DECIMAL(28, 3)) AS watch_seconds
  FROM video_watches
  GROUP BY ALL
  UNION ALL
  SELECT date, user_id, video_id, course_id, 0, played_seconds
  FROM (
    SELECT
      date,
      user_id,
      video_id,
      course_id,
      greatest(0, played_seconds - coalesce(max(played_seconds) OVER (
        PARTITION BY user_id, video_id, course_id, session_id ORDER BY date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ), 0)) AS played_seconds
    FROM (
      SELECT date, user_id, video_id, course_id, session_id, max(played_seconds) AS played_seconds
      FROM video_visits
      GROUP BY ALL
    ) AS days
  ) AS visits
) AS watched
GROUP BY ALL;

-- Each course's videos as a whole.
CREATE VIEW video_course_metrics AS
SELECT
  course_id,
  count(DISTINCT user_id)             AS total_students_watching,     -- people who watched anything
  count(DISTINCT video_id)            AS total_videos_in_course,      -- different videos watched by anyone
  CAST(sum(watch_seconds) AS DOUBLE)  AS total_course_watch_seconds,  -- seconds; NULL when no viewing is timed
  CAST(sum(watch_seconds) AS DOUBLE) / 3600e0         AS total_course_watch_hours     -- hours; NULL when no viewing is timed
FROM (
  SELECT user_id, video_id, course_id, CAST(sum(watch_seconds) AS DECIMAL(28, 3)) AS watch_seconds
  FROM video_watches
  GROUP BY ALL
  UNION ALL
  SELECT user_id, video_id, course_id, played_seconds
  FROM (
    SELECT user_id, video_id, course_id, session_id, max(played_seconds) AS played_seconds
    FROM video_visits
    GROUP BY ALL
  ) AS visits
) AS watched
GROUP BY ALL;

-- How much of a course's videos each student has seen.
-- key: user_id, course_id
-- check: videos_watched_count <= total_videos_in_course
CREATE VIEW video_student_course_summary AS
SELECT
  students.user_id,
  students.course_id,
  students.videos_watched_count,                          -- different videos the student watched
  students.total_watch_seconds,                           -- seconds; NULL when no viewing is timed
  students.total_sessions,                                -- viewings
  students.total_watch_seconds / 3600e0    AS total_watch_hours,  -- hours; NULL when no viewing is timed
  courses.total_videos_in_course,                         -- different videos of the course watched by anyone
  1e2 * students.videos_watched_count / nullif(courses.total_videos_in_course, 0) AS video_coverage_percentage  -- percent of them the student watched; NULL when none has an id
FROM (
  SELECT
    user_id,
    course_id,
    count(DISTINCT video_id)            AS videos_watched_count,
    CAST(sum(watch_seconds) AS DOUBLE)  AS total_watch_seconds,
    sum(watches)                        AS total_sessions
  FROM (
    SELECT user_id, video_id, course_id, sum(watches) AS watches, CAST(sum(watch_seconds) AS DECIMAL(28, 3)) AS watch_seconds
    FROM video_watches
    GROUP BY ALL
    UNION ALL
    SELECT user_id, video_id, course_id, 0, played_seconds
    FROM (
      SELECT user_id, video_id, course_id, session_id, max(played_seconds) AS played_seconds
      FROM video_visits
      GROUP BY ALL
    ) AS visits
  ) AS watched
  GROUP BY ALL
) AS students
JOIN (
  SELECT
    course_id,
    count(DISTINCT video_id) AS total_videos_in_course
  FROM video_watches
  GROUP BY ALL
) AS courses ON students.course_id IS NOT DISTINCT FROM courses.course_id;

-- Videos that people leave early: the ones to look at.
-- check: unique_viewers <= total_views
CREATE VIEW video_drop_off_indicators AS
SELECT
  video_id,
  course_id,
  sum(watches)                                        AS total_views,         -- viewings
  CAST(sum(watch_seconds) AS DOUBLE) / nullif(sum(timed_watches), 0)  AS avg_watch_duration,  -- seconds a timed viewing; NULL when none is timed
  min(shortest_seconds)              AS min_watch_duration,  -- seconds of the shortest viewing; NULL when none is timed
  count(DISTINCT user_id)                             AS unique_viewers,      -- people, not plays
  CASE
    WHEN CAST(sum(watch_seconds) AS DOUBLE) / nullif(sum(timed_watches), 0) < 60 THEN 'High Risk'
    WHEN CAST(sum(watch_seconds) AS DOUBLE) / nullif(sum(timed_watches), 0) < 180 THEN 'Medium Risk'
    WHEN sum(timed_watches) > 0 THEN 'Good Engagement'
  END                                                 AS potential_drop_off   -- High Risk below 60 s on average, Medium Risk below 180 s, else Good Engagement; NULL when none is timed
FROM (
  SELECT user_id, video_id, course_id, sum(watches) AS watches, sum(timed_watches) AS timed_watches, CAST(sum(watch_seconds) AS DECIMAL(28, 3)) AS watch_seconds, min(shortest_seconds)AS shortest_seconds
  FROM video_watches
  GROUP BY ALL
  UNION ALL
  SELECT user_id, video_id, course_id, 0, 1, played_seconds, CAST(played_seconds AS DOUBLE)
  FROM (
    SELECT user_id, video_id, course_id, session_id, max(played_seconds) AS played_seconds
    FROM video_visits
    GROUP BY ALL
  ) AS visits
) AS watched
GROUP BY ALL;
