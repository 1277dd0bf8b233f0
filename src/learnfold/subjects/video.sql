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
  count(*)                                                      AS watches,           -- viewings, untimed ones too
  count(watch_duration_seconds) FILTER (played_seconds IS NULL) AS timed_watches,     -- viewings without a running total that say how long they took
  sum(watch_duration_seconds) FILTER (played_seconds IS NULL)   AS watch_seconds,     -- their seconds together; NULL when there is none
  max(watch_duration_seconds) FILTER (played_seconds IS NULL)   AS longest_seconds,   -- seconds of the longest of them; NULL when there is none
  min(watch_duration_seconds) FILTER (played_seconds IS NULL)   AS shortest_seconds   -- seconds of the shortest of them; NULL when there is none
FROM video_topic
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY ALL;

-- The running total of each visit to a video, as its player tells it: of a visit the greatest counts, once. Every view reads this
-- beside the viewings, so that those of platforms that tell none, most of all, cost nothing for it.
CREATE TABLE video_visits AS
SELECT
  date,
  user_id,
  video_id,
  course_id,
  session_id,
  max(CAST(played_seconds AS DECIMAL(28, 3))) AS played_seconds  -- the visit's seconds by then
FROM video_topic
WHERE event_type = 'VIDEO_WATCHED' AND played_seconds IS NOT NULL
GROUP BY ALL;

-- How long each student watched each video, in all sittings together.
-- key: user_id, video_id, course_id
-- check: shortest_session_seconds <= longest_session_seconds
CREATE VIEW video_total_watch_time AS
SELECT
  user_id,
  video_id,
  course_id,
  CAST(seconds AS DOUBLE)                    AS total_watch_seconds,         -- seconds; NULL when no viewing is timed
  watches                                    AS total_watch_sessions,        -- viewings
  CAST(seconds AS DOUBLE) / nullif(timed, 0) AS avg_watch_duration_seconds,  -- seconds a timed viewing; NULL when none is timed
  CAST(longest AS DOUBLE)                    AS longest_session_seconds,     -- seconds; NULL when no viewing is timed
  CAST(shortest AS DOUBLE)                   AS shortest_session_seconds,    -- seconds; NULL when no viewing is timed
  CAST(seconds AS DOUBLE) / 60e0             AS total_watch_minutes,         -- minutes; NULL when no viewing is timed
  CAST(seconds AS DOUBLE) / 3600e0           AS total_watch_hours            -- hours; NULL when no viewing is timed
FROM (
  SELECT
    watched.user_id,
    watched.video_id,
    watched.course_id,
    watched.watches,
    watched.timed + coalesce(visits.visits, 0)                                           AS timed,
    coalesce(watched.seconds + visits.seconds, watched.seconds, visits.seconds)          AS seconds,
    greatest(watched.longest, visits.longest)                                            AS longest,
    least(watched.shortest, visits.shortest)                                             AS shortest
  FROM (
    SELECT
      user_id,
      video_id,
      course_id,
      sum(watches)          AS watches,
      sum(timed_watches)    AS timed,
      sum(watch_seconds)    AS seconds,
      max(longest_seconds)  AS longest,
      min(shortest_seconds) AS shortest
    FROM video_watches
    GROUP BY ALL
  ) AS watched
  LEFT JOIN (
    SELECT user_id, video_id, course_id, count(*) AS visits, sum(seconds) AS seconds, max(seconds) AS longest, min(seconds) AS shortest
    FROM (
      SELECT user_id, video_id, course_id, session_id, max(played_seconds) AS seconds
      FROM video_visits
      GROUP BY ALL
    ) AS each_visit
    GROUP BY ALL
  ) AS visits
    ON watched.user_id = visits.user_id AND watched.video_id IS NOT DISTINCT FROM visits.video_id
    AND watched.course_id IS NOT DISTINCT FROM visits.course_id
) AS totals;

-- How much each student watches in each course.
-- key: user_id, course_id
-- check: unique_videos_watched <= total_video_events
CREATE VIEW video_student_engagement AS
SELECT
  user_id,
  course_id,
  unique_videos_watched,                                                     -- different videos
  CAST(seconds AS DOUBLE)                    AS total_watch_seconds,         -- seconds; NULL when no viewing is timed
  watches                                    AS total_video_events,          -- viewings
  CAST(seconds AS DOUBLE) / nullif(timed, 0) AS avg_watch_duration_seconds,  -- seconds a timed viewing; NULL when none is timed
  CAST(seconds AS DOUBLE) / 3600e0           AS total_watch_hours            -- hours; NULL when no viewing is timed
FROM (
  SELECT
    watched.user_id,
    watched.course_id,
    watched.unique_videos_watched,
    watched.watches,
    watched.timed + coalesce(visits.visits, 0)                                  AS timed,
    coalesce(watched.seconds + visits.seconds, watched.seconds, visits.seconds) AS seconds
  FROM (
    SELECT
      user_id,
      course_id,
      count(DISTINCT video_id) AS unique_videos_watched,
      sum(watches)             AS watches,
      sum(timed_watches)       AS timed,
      sum(watch_seconds)       AS seconds
    FROM video_watches
    GROUP BY ALL
  ) AS watched
  LEFT JOIN (
    SELECT user_id, course_id, count(*) AS visits, sum(seconds) AS seconds
    FROM (
      SELECT user_id, video_id, course_id, session_id, max(played_seconds) AS seconds
      FROM video_visits
      GROUP BY ALL
    ) AS each_visit
    GROUP BY ALL
  ) AS visits
    ON watched.user_id = visits.user_id AND watched.course_id IS NOT DISTINCT FROM visits.course_id
) AS totals;

-- How many people each video reached, and for how long.
-- key: video_id, course_id
-- check: unique_viewers <= total_view_events
CREATE VIEW video_popularity AS
SELECT
  video_id,
  course_id,
  unique_viewers,                                                           -- people, not plays
  CAST(seconds AS DOUBLE)                    AS total_views_seconds,        -- seconds; NULL when no viewing is timed
  watches                                    AS total_view_events,          -- viewings
  CAST(seconds AS DOUBLE) / nullif(timed, 0) AS avg_view_duration_seconds,  -- seconds a timed viewing; NULL when none is timed
  CAST(seconds AS DOUBLE) / 3600e0           AS total_views_hours           -- hours; NULL when no viewing is timed
FROM (
  SELECT
    watched.video_id,
    watched.course_id,
    watched.unique_viewers,
    watched.watches,
    watched.timed + coalesce(visits.visits, 0)                                  AS timed,
    coalesce(watched.seconds + visits.seconds, watched.seconds, visits.seconds) AS seconds
  FROM (
    SELECT
      video_id,
      course_id,
      count(DISTINCT user_id) AS unique_viewers,
      sum(watches)            AS watches,
      sum(timed_watches)      AS timed,
      sum(watch_seconds)      AS seconds
    FROM video_watches
    GROUP BY ALL
  ) AS watched
  LEFT JOIN (
    SELECT video_id, course_id, count(*) AS visits, sum(seconds) AS seconds
    FROM (
      SELECT user_id, video_id, course_id, session_id, max(played_seconds) AS seconds
      FROM video_visits
      GROUP BY ALL
    ) AS each_visit
    GROUP BY ALL
  ) AS visits
    ON watched.video_id IS NOT DISTINCT FROM visits.video_id AND watched.course_id IS NOT DISTINCT FROM visits.course_id
) AS totals;

-- What is watched each day; a visit past midnight counts on each day by what it grew beyond the days before.
-- key: date, course_id
-- looks back: 0 days, all of video_visits
-- check: active_video_watchers <= total_watch_events
CREATE VIEW video_daily_engagement AS
SELECT
  date,
  course_id,
  active_video_watchers,                                           -- people who watched that day
  unique_videos_watched,                                           -- different videos that day
  CAST(seconds AS DOUBLE)          AS total_watch_seconds,         -- seconds; NULL when no viewing is timed
  watches                          AS total_watch_events,          -- viewings
  CAST(seconds AS DOUBLE) / 3600e0 AS total_watch_hours            -- hours; NULL when no viewing is timed
FROM (
  SELECT
    watched.date,
    watched.course_id,
    watched.active_video_watchers,
    watched.unique_videos_watched,
    watched.watches,
    coalesce(watched.seconds + visits.seconds, watched.seconds, visits.seconds) AS seconds
  FROM (
    SELECT
      date,
      course_id,
      count(DISTINCT user_id)  AS active_video_watchers,
      count(DISTINCT video_id) AS unique_videos_watched,
      sum(watches)             AS watches,
      sum(watch_seconds)       AS seconds
    FROM video_watches
    GROUP BY ALL
  ) AS watched
  LEFT JOIN (
    SELECT date, course_id, sum(greatest(0, told - before)) AS seconds
    FROM (
      SELECT
        date,
        course_id,
        told,
        coalesce(max(told) OVER (
          PARTITION BY user_id, video_id, course_id, session_id ORDER BY date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS before
      FROM (
        SELECT date, user_id, video_id, course_id, session_id, max(played_seconds) AS told
        FROM video_visits
        GROUP BY ALL
      ) AS each_visit
    ) AS grown
    GROUP BY ALL
  ) AS visits
    ON watched.date = visits.date AND watched.course_id IS NOT DISTINCT FROM visits.course_id
) AS totals;

-- Each course's videos as a whole.
-- key: course_id
CREATE VIEW video_course_metrics AS
SELECT
  course_id,
  total_students_watching,                                              -- people who watched anything
  total_videos_in_course,                                               -- different videos watched by anyone
  CAST(seconds AS DOUBLE)          AS total_course_watch_seconds,       -- seconds; NULL when no viewing is timed
  CAST(seconds AS DOUBLE) / 3600e0 AS total_course_watch_hours          -- hours; NULL when no viewing is timed
FROM (
  SELECT
    watched.course_id,
    watched.total_students_watching,
    watched.total_videos_in_course,
    coalesce(watched.seconds + visits.seconds, watched.seconds, visits.seconds) AS seconds
  FROM (
    SELECT
      course_id,
      count(DISTINCT user_id)  AS total_students_watching,
      count(DISTINCT video_id) AS total_videos_in_course,
      sum(watch_seconds)       AS seconds
    FROM video_watches
    GROUP BY ALL
  ) AS watched
  LEFT JOIN (
    SELECT course_id, sum(seconds) AS seconds
    FROM (
      SELECT user_id, video_id, course_id, session_id, max(played_seconds) AS seconds
      FROM video_visits
      GROUP BY ALL
    ) AS each_visit
    GROUP BY ALL
  ) AS visits
    ON watched.course_id IS NOT DISTINCT FROM visits.course_id
) AS totals;

-- How much of a course's videos each student has seen.
-- key: user_id, course_id
-- check: videos_watched_count <= total_videos_in_course
CREATE VIEW video_student_course_summary AS
SELECT
  students.user_id,
  students.course_id,
  students.unique_videos_watched        AS videos_watched_count,  -- different videos the student watched
  students.total_watch_seconds,                                   -- seconds; NULL when no viewing is timed
  students.total_video_events           AS total_sessions,        -- viewings
  students.total_watch_hours,                                     -- hours; NULL when no viewing is timed
  courses.total_videos_in_course,                                 -- different videos of the course watched by anyone
  1e2 * students.unique_videos_watched / nullif(courses.total_videos_in_course, 0) AS video_coverage_percentage  -- percent of them the student watched; NULL when none has an id
FROM video_student_engagement AS students
JOIN video_course_metrics AS courses ON students.course_id IS NOT DISTINCT FROM courses.course_id;

-- Videos that people leave early: the ones to look at.
-- key: video_id, course_id
-- check: unique_viewers <= total_views
CREATE VIEW video_drop_off_indicators AS
SELECT
  video_id,
  course_id,
  watches                                    AS total_views,         -- viewings
  CAST(seconds AS DOUBLE) / nullif(timed, 0) AS avg_watch_duration,  -- seconds a timed viewing; NULL when none is timed
  CAST(shortest AS DOUBLE)                   AS min_watch_duration,  -- seconds of the shortest viewing; NULL when none is timed
  unique_viewers,                                                    -- people, not plays
  CASE
    WHEN CAST(seconds AS DOUBLE) / nullif(timed, 0) < 60 THEN 'High Risk'
    WHEN CAST(seconds AS DOUBLE) / nullif(timed, 0) < 180 THEN 'Medium Risk'
    WHEN timed > 0 THEN 'Good Engagement'
  END                                        AS potential_drop_off   -- High Risk below 60 s on average, Medium Risk below 180 s, else Good Engagement; NULL when none is timed
FROM (
  SELECT
    watched.video_id,
    watched.course_id,
    watched.unique_viewers,
    watched.watches,
    watched.timed + coalesce(visits.visits, 0)                                  AS timed,
    coalesce(watched.seconds + visits.seconds, watched.seconds, visits.seconds) AS seconds,
    least(watched.shortest, visits.shortest)                                    AS shortest
  FROM (
    SELECT
      video_id,
      course_id,
      count(DISTINCT user_id) AS unique_viewers,
      sum(watches)            AS watches,
      sum(timed_watches)      AS timed,
      sum(watch_seconds)      AS seconds,
      min(shortest_seconds)   AS shortest
    FROM video_watches
    GROUP BY ALL
  ) AS watched
  LEFT JOIN (
    SELECT video_id, course_id, count(*) AS visits, sum(seconds) AS seconds, min(seconds) AS shortest
    FROM (
      SELECT user_id, video_id, course_id, session_id, max(played_seconds) AS seconds
      FROM video_visits
      GROUP BY ALL
    ) AS each_visit
    GROUP BY ALL
  ) AS visits
    ON watched.video_id IS NOT DISTINCT FROM visits.video_id AND watched.course_id IS NOT DISTINCT FROM visits.course_id
) AS totals;

-- What stretches of videos are watched: from where to where, where a viewing says both, else from the beginning for as long as it took.
-- A running total says neither, so such a viewing isn't here. Where the viewing says how long the video is, places are its twentieths:
-- few rows hold many viewings.
CREATE TABLE video_stretches AS
SELECT
  date,
  video_id,
  course_id,
  length_seconds,  -- how long the video is, seconds; NULL when not said
  CASE WHEN length_seconds IS NULL THEN from_second
    ELSE CAST(least(ceil(20 * from_second / length_seconds), 20) AS BIGINT) END AS first_place,  -- the first twentieth that it covers, 0 to 20; the second where it begins when the length isn't said
  CASE WHEN length_seconds IS NULL THEN to_second
    ELSE CAST(least(ceil(20 * to_second / length_seconds), 20) AS BIGINT) END AS next_place,     -- the first twentieth behind it that it doesn't cover, 0 to 20; the second where it ends when the length isn't said
  count(*) AS viewings  -- viewings
FROM (
  SELECT
    date,
    video_id,
    course_id,
    video_length_seconds AS length_seconds,
    CASE WHEN to_second >= from_second THEN CAST(floor(least(from_second, 2e9) + 5e-1) AS BIGINT) ELSE 0 END AS from_second,
    CASE WHEN to_second >= from_second THEN CAST(floor(least(to_second, 2e9) + 5e-1) AS BIGINT) ELSE watch_duration_seconds END AS to_second
  FROM video_topic
  WHERE event_type = 'VIDEO_WATCHED' AND (to_second >= from_second OR (watch_duration_seconds IS NOT NULL AND played_seconds IS NULL))
) AS watched
GROUP BY ALL;

-- When students (whoever isn't a teacher) watch videos.
CREATE TABLE video_activity AS
SELECT
  date,
  hour,
  user_id,
  course_id,
  count(*) AS viewings,  -- viewings
  sum(watch_duration_seconds) FILTER (played_seconds IS NULL) AS watch_seconds  -- seconds of those without a running total; NULL when none says
FROM video_topic
WHERE event_type = 'VIDEO_WATCHED' AND role IS DISTINCT FROM 'teacher'
GROUP BY ALL;

-- The running totals of students' visits to videos.
CREATE TABLE video_student_visits AS
SELECT
  date,
  user_id,
  course_id,
  video_id,
  session_id,
  max(CAST(played_seconds AS DECIMAL(28, 3))) AS played_seconds  -- the visit's seconds by then
FROM video_topic
WHERE event_type = 'VIDEO_WATCHED' AND played_seconds IS NOT NULL AND role IS DISTINCT FROM 'teacher'
GROUP BY ALL;

-- How far into each video viewers get. A viewing that says from where to where reaches the places that it covers, another those
-- before the time it took; one that tells a running total alone isn't counted. Places are twentieths of the length that the viewing
-- says, else of the video's.
-- key: video_id, course_id, step
-- check: reaching <= viewings
CREATE VIEW video_retention AS
SELECT
  stretches.video_id,
  stretches.course_id,
  CAST(steps.step AS INTEGER)             AS step,            -- the place, in twentieths of the video, 0 to 19
  max(stretches.length_seconds)           AS length_seconds,  -- how long the video is, seconds: the longest that was said, else the longest stretch seen, rounded up to 15
  CAST(sum(stretches.viewings) AS BIGINT) AS viewings,        -- viewings that say what they watched
  CAST(coalesce(sum(stretches.viewings) FILTER (steps.step >= stretches.first_place AND steps.step < stretches.next_place), 0) AS BIGINT) AS reaching  -- of them, those that got beyond the place, or cover it
FROM (
  SELECT
    video_id,
    course_id,
    video_seconds AS length_seconds,
    CASE WHEN length_seconds IS NULL THEN least(ceil(20 * first_place / nullif(video_seconds, 0)), 20) ELSE first_place END AS first_place,
    CASE WHEN length_seconds IS NULL THEN least(ceil(20 * next_place / nullif(video_seconds, 0)), 20) ELSE next_place END   AS next_place,
    sum(viewings) AS viewings
  FROM (
    SELECT
      video_id,
      course_id,
      length_seconds,
      first_place,
      next_place,
      viewings,
      coalesce(
        max(length_seconds) OVER (PARTITION BY video_id, course_id),
        CAST(ceil(max(next_place) OVER (PARTITION BY video_id, course_id) / 15e0) AS BIGINT) * 15
      ) AS video_seconds
    FROM (
      SELECT video_id, course_id, length_seconds, first_place, next_place, sum(viewings) AS viewings
      FROM video_stretches
      GROUP BY ALL
    ) AS seen
  ) AS known
  GROUP BY ALL
) AS stretches
CROSS JOIN (
  VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15), (16), (17), (18), (19)
) AS steps(step)
GROUP BY ALL;

-- Which videos people come back to.
-- check: viewers_again <= unique_viewers
CREATE VIEW video_rewatch AS
SELECT
  video_id,
  course_id,
  count(*)                                          AS unique_viewers,  -- people
  CAST(sum(total_watch_sessions) AS BIGINT)         AS viewings,        -- viewings
  count(*) FILTER (total_watch_sessions > 1)        AS viewers_again,   -- people with more than one viewing
  1e2 * count(*) FILTER (total_watch_sessions > 1) / count(*) AS rewatch_percentage,  -- percent of the people who have more than one; never NULL
  CAST(sum(CAST(total_watch_seconds AS DECIMAL(28, 3))) AS DOUBLE) / 60e0 AS watch_minutes  -- minutes; NULL when no viewing is timed
FROM video_total_watch_time
GROUP BY ALL;
